"""How stage controller learns by an actor-critic: a search that is told what its own dreams were worth.

It has what :class:`wmlib.search.cmaes.CMAES` has: ``generation``, ``mean``, ``sigma``, ``save`` and ``resume``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.models.critic import Critic
from wmlib.rollout.dreams import dream
from wmlib.search.actor_critic import ActorCritic, NaturalGradient, Policy
from wmlib.seeds import generator
from wmlib.stages.dreams import Dreams, episode_return
from wmlib.stages.training import load_variables, save_variables


class DreamLearner:
    """C, its critic and the averages of its gradient.

    Args:
        config: of the iteration.
        start: C's parameters (P,) to begin with.
        seed: everything drawn follows from it.
    """

    def __init__(self, config, start: np.ndarray, seed: int):
        self.settings, self.controller, self.numbers, self.seed = config.actor, config.controller, config.numbers, seed
        actions = self.numbers.action_size
        inputs = len(start) // actions - 1
        settings = self.settings
        critic = Critic(inputs, settings.critic_units, settings.critic_rate, seed)
        critic.network.optimizer.build(critic.network.trainable_variables)
        actor = NaturalGradient(
            settings.rate, settings.limit, settings.damping, settings.momentum, settings.sigma_floor, inputs, actions
        )
        policy = Policy(start.reshape(-1, actions), np.full(actions, np.log(settings.sigma)))
        self.method = ActorCritic(policy, critic, actor, settings.gamma, settings.decay, -self.numbers.step_cost)
        self.told: list[np.ndarray] = []  # what each generation's dreams were worth, (1,) each
        self.reach = 1.0  # root mean square length of what C sees

    @property
    def generation(self) -> int:
        """Generations so far."""
        return len(self.told)

    @property
    def mean(self) -> np.ndarray:
        """C's parameters, float64 (P,)."""
        return self.method.policy.parameters

    @property
    def sigma(self) -> float:
        """The noise on C's pre-activations as a deviation of its weights that has the same effect."""
        return float(self.method.policy.sigma.mean() / self.reach)

    def improve(self, dreams: Dreams, new: bool) -> tuple[np.ndarray, int]:
        """One generation in dreams; ``new`` if they are M's first. What they were worth (1,), and steps lived."""
        settings, critic = self.settings, self.method.critic
        random = generator(self.seed, "actor", self.generation)
        critic.random = generator(self.seed, "critic", self.generation)
        starts = dreams.states([int(seed) for seed in random.integers(2**31, size=settings.lanes)])
        steps = self.controller.dream_steps or self.numbers.max_steps
        dreamt = dream(dreams.world, self.method.policy, starts, steps, self.controller.tau, random)
        seen = dreamt.inputs.reshape(-1, dreamt.inputs.shape[-1])
        if new:
            critic.standardise(seen)
            self.reach = float(np.sqrt(1 + np.square(seen).sum(1).mean()))  # and the 1 that the bias is multiplied by
        self.method.learn(*vars(dreamt).values(), improve=self.generation >= settings.warm_up)
        lived, ended = dreamt.alive.sum(), (dreamt.ended & dreamt.alive).sum()
        paid = (dreamt.rewards * dreamt.alive).sum(dtype=float)
        worth = episode_return(paid, lived, ended, self.numbers)
        self.told.append(np.array([worth]))
        return self.told[-1], int(lived)

    def _parts(self) -> tuple[list, dict[str, np.ndarray]]:
        method = self.method
        actor = {f"actor/{name}": np.asarray(getattr(method.actor, name)) for name in method.actor.AVERAGES}
        critic = {"critic/centre": method.critic.centre, "critic/scale": method.critic.scale}
        variables = [*method.critic.network.variables, *method.critic.network.optimizer.variables]
        return variables, {**vars(method.policy), **actor, **critic, "reach": np.array(self.reach)}

    def save(self, path: Path) -> None:
        """Write the complete state."""
        variables, arrays = self._parts()
        save_variables(path, variables, {"told": np.array(self.told).reshape(-1, 1), **arrays})

    def resume(self, path: Path) -> None:
        """Go on where :meth:`save` was called. Raises :class:`wmlib.errors.UserError` on a file of another search."""
        variables, arrays = self._parts()
        saved = load_variables(path, variables, {"told": (None, 1), **{k: a.shape for k, a in arrays.items()}})
        if not len(saved["told"]):
            raise UserError(f"{path}: lost what it was told; use --force to start this stage again")
        self.told, self.reach = list(saved["told"]), float(saved["reach"])
        self.method.policy = Policy(saved["weights"], saved["log_sigma"])
        for name in self.method.actor.AVERAGES:
            setattr(self.method.actor, name, saved[f"actor/{name}"])
        self.method.critic.centre, self.method.critic.scale = saved["critic/centre"], saved["critic/scale"]
