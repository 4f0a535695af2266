"""One round of learning inside M: M trained on with what C drove, states where dreams begin, and C's steps in them."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from wmlib.data.replay import Windows, beginning, mixed, start_weights
from wmlib.envs.dream import Dream
from wmlib.models.critic import Critic
from wmlib.models.inference import MemoryStep
from wmlib.models.mdnrnn import DONE_WEIGHT, MDNRNN, faster
from wmlib.models.weights import model_weights, set_model_weights
from wmlib.rollout.dreams import States, dream, replay
from wmlib.search.actor_critic import ActorCritic, NaturalGradient, Policy, carried_over, divergence
from wmlib.seeds import generator
from wmlib.simulator import STEP_COST
from wmlib.stages.training import fix_seed, load_variables, save_variables

EVERY = 4  # frames between two places of an episode where a dream may begin
EARLY = 60  # frames of an episode's beginning
HIGH_RATE_ROUNDS = 5  # while most of what C drives is new to M
END_LOGIT = float(np.log(DONE_WEIGHT))  # a probability of one half, as ends count so many times in M's loss
WARM_UP = 20  # batches that teach only the critic, before C's first step and where the discount changes


class Learner:
    """Everything that changes from round to round, as one file."""

    def __init__(self, config, memory_weights: dict[str, np.ndarray]):
        settings = config.dream
        fix_seed(config.seed, "dream")
        self.memory = faster(MDNRNN(config.memory, seed=config.seed))
        self.memory.compile(keras.optimizers.Adam(settings.memory_rate, clipvalue=config.memory.clip))
        set_model_weights(self.memory.network, memory_weights)
        self.average = dict(memory_weights)
        inputs = config.numbers.latent_size + config.memory.hidden_size
        self.policy = Policy.start(inputs, settings.sigma)
        self.critic = Critic(inputs, settings.critic_units, settings.critic_rate, config.seed)
        self.rounds = 0
        for model in (self.memory, self.critic.network):
            model.optimizer.build(model.trainable_variables)

    def _variables(self) -> list:
        memory, critic = self.memory, self.critic.network
        return [*memory.variables, *memory.optimizer.variables, *critic.variables, *critic.optimizer.variables]

    def _arrays(self) -> dict[str, np.ndarray]:
        average = {f"average/{name}": array for name, array in self.average.items()}
        return {**vars(self.policy), "rounds": np.array(self.rounds), **average}

    def save(self, path: Path) -> None:
        """Write the state between two rounds."""
        save_variables(path, self._variables(), self._arrays())

    def load(self, path: Path) -> None:
        """Restore what :meth:`save` wrote."""
        arrays = load_variables(path, self._variables(), {name: a.shape for name, a in self._arrays().items()})
        self.average = {name: arrays[f"average/{name}"] for name in self.average}
        self.policy = Policy(arrays["weights"], arrays["log_sigma"])
        self.rounds = int(arrays["rounds"])


def train_memory(config, learner: Learner, old: list, own: list) -> dict:
    """M trained on with a mix of the random driver's data and C's; its running average is what dreams and drives."""
    settings, number = config.dream, learner.rounds
    random = generator(config.seed, "dream", "memory", number)
    windows = [Windows(episodes, settings.memory_length, settings.end_when_lost) for episodes in (old, own)]
    early = number < HIGH_RATE_ROUNDS
    learner.memory.optimizer.learning_rate = settings.memory_rate if early else settings.memory_final_rate
    keep = np.float32(settings.memory_average)
    for _ in range(settings.memory_first_updates if number <= 2 else settings.memory_updates):
        batch = mixed(*windows, random, settings.memory_batch, settings.own_data, settings.loss_data)
        losses = learner.memory.train_on_batch(batch, return_dict=True)
        now = model_weights(learner.memory.network)
        learner.average = {name: keep * array + (1 - keep) * now[name] for name, array in learner.average.items()}
    learner.memory.reset_metrics()
    return {"memory_nll": round(float(losses["nll"]), 4), "memory_reward_error": round(float(losses["reward"]), 4)}


class Starts:
    """Where the dreams of a round begin."""

    def __init__(self, settings, memory_weights: dict, old: list, own: list, random: np.random.Generator):
        memory = MemoryStep(memory_weights)
        self.settings, self.random = settings, random
        some = [old[i] for i in random.choice(len(old), min(len(old), settings.recent), replace=False)]
        recent = own[-settings.recent :]
        self.sets = []  # (share, states, probabilities)
        late = 1 - settings.early_starts
        share = settings.own_starts if recent else 0.0
        early = [beginning(episode, EARLY) for episode in some + recent]
        for part, episodes in ((settings.early_starts, early), (late * share, recent), (late * (1 - share), some)):
            if part > 0:
                weights = start_weights(episodes, settings.loss_weight, EVERY)
                self.sets.append((part, replay(memory, episodes, random, EVERY), weights))

    def draw(self) -> States:
        """``lanes`` states."""
        lanes = self.settings.lanes
        ends = np.round(np.cumsum([0.0, *(share for share, *_ in self.sets)]) * lanes).astype(int)
        return States.concatenate(
            [
                states.take(self.random.choice(len(states), end - start, p=weights))
                for (_, states, weights), start, end in zip(self.sets, ends, ends[1:], strict=False)
            ]
        )


def carry_over(policy: Policy, before: dict, after: dict, episodes: list) -> Policy:
    """C re-expressed in the trained M's h."""

    def inputs(weights: dict) -> np.ndarray:
        states = replay(MemoryStep(weights), episodes, generator(0, "dream", "carry over"), EVERY)
        return np.concatenate([states.z, states.h], axis=1)

    return carried_over(policy, inputs(before), inputs(after))


def gamma_at(settings, number: int) -> float:
    """The discount of a round."""
    return settings.first_gamma if number < settings.first_gamma_rounds else settings.gamma


def learn(config, learner: Learner, world: Dream, starts: Starts) -> dict:
    """The steps of C of one round, all of them in dreams."""
    settings, number = config.dream, learner.rounds
    actor = NaturalGradient(settings.rate, settings.limit, settings.damping, settings.momentum, settings.sigma_floor)
    actor_critic = ActorCritic(
        learner.policy, learner.critic, actor, gamma_at(settings, number), settings.decay, -STEP_COST
    )
    random, figures = generator(config.seed, "dream", "noise", number), []
    learner.critic.random = generator(config.seed, "dream", "critic", number)
    warm_up = WARM_UP if number in (0, settings.first_gamma_rounds) else 0
    for update in range(warm_up + (settings.updates if number else settings.first_updates)):
        dreamt = dream(world, actor_critic.policy, starts.draw(), settings.horizon, settings.tau, random, END_LOGIT)
        if update == 0:
            learner.critic.standardise(dreamt.inputs.reshape(-1, dreamt.inputs.shape[-1]))
        figures.append(actor_critic.learn(*vars(dreamt).values(), improve=update >= warm_up))
    inputs = dreamt.inputs.reshape(-1, dreamt.inputs.shape[-1])
    moved = divergence(learner.policy, actor_critic.policy, inputs)
    learner.policy = actor_critic.policy
    return {
        "dream_reward": round(float(np.mean([f["reward"] for f in figures[-10:]])), 4),
        "divergence": round(moved, 3),
        "sigma": round(float(learner.policy.sigma.mean()), 3),
    }
