"""Stage dream. Reads: V's encoder, M, encoded rollouts. Writes: ``rounds.csv``, ``controller.npz``, ``memory.npz``.

C is learnt inside M and nowhere else (paper section 4; here on CarRacing). Round after round: M is trained on with what
C drove, C dreams in short lanes that branch from replayed real states, and drives. What it drives is data, never a step
of C. The round that is kept is chosen by the returns of those same episodes, driven without noise.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from wmlib.config import ACTION_SIZE
from wmlib.data.rollouts import RolloutStore, encoded, read_encoded
from wmlib.envs.dream import Dream
from wmlib.errors import UserError
from wmlib.rollout.dreams import foretold, replay
from wmlib.rollout.executors import make_executor
from wmlib.rollout.lanes import Job
from wmlib.runs import MetricLog, Progress, Stage, Stopwatch, read_arrays, read_csv, write_arrays, write_csv
from wmlib.seeds import generator, track_seeds
from wmlib.stages.agents import worker_spec
from wmlib.stages.memory import latent_files
from wmlib.stats import spread

COLUMNS = (
    "round",
    "env_steps",
    "wall_seconds",
    "memory_nll",
    "memory_reward_error",
    "dream_reward",
    "divergence",
    "sigma",
    "value_foretold",
    "value_real",
    "stretch_correlation",
    "stretch_foretold",
    "stretch_real",
    "clean_mean",
    "clean_std",
    "clean_n",
    "noisy_mean",
    "noisy_n",
    "validation_mean",
    "validation_std",
    "validation_n",
)
HABITS = (0.1, 1.0, 0.4)  # of steering, gas and brake: which pre-activations differ how much from episode to episode
WINDOW = 3  # rounds whose clean returns are averaged when one is chosen


def run(chain, stage: Stage) -> None:
    """Go round by round; every round is a resumable checkpoint."""
    from wmlib.models.weights import load_weights, save_weights
    from wmlib.stages.dreamer import Learner, Starts, carry_over, learn, train_memory

    config, settings = chain.config, chain.config.dream
    learner = Learner(config, load_weights(chain.memory / "memory.npz"))
    curve = _read_curve(stage / "rounds.csv")
    if (stage / "state.npz").exists():
        learner.load(stage / "state.npz")
    curve = curve[: learner.rounds]
    if [row["round"] for row in curve] != list(range(learner.rounds)):
        raise UserError(f"{stage / 'rounds.csv'}: lacks rounds that state.npz has; use --force to start again")
    size = {"parameters": learner.policy.parameters.shape}
    shapes = {name: array.shape for name, array in learner.average.items()}
    for number in range(learner.rounds):  # whichever is chosen must be whole
        read_arrays(stage / "rounds" / f"{number:03d}.npz", ("parameters",), size)
        load_weights(stage / "rounds" / f"{number:03d}-memory.npz", shapes)
    files = latent_files(chain)[0]
    random_episodes = [read_encoded(file) for file in files]
    steps = chain_steps(chain)
    per_round = settings.clean_episodes + settings.noisy_episodes
    own = [read_encoded(_own_file(stage, index)) for index in range(learner.rounds * per_round)]
    clock = Stopwatch(stage)
    with (
        MetricLog(stage.path, resume_at=learner.rounds) as log,
        Progress(f"{stage.name} (C)", settings.rounds, "rounds", learner.rounds) as progress,
    ):
        while learner.rounds < settings.rounds:
            number = learner.rounds
            before = learner.average
            row = {"round": number} | (train_memory(config, learner, random_episodes, own) if own else {})
            random = generator(config.seed, "dream", "starts", number)
            world, starts = Dream(learner.average), Starts(settings, learner.average, random_episodes, own, random)
            if own:
                learner.policy = carry_over(learner.policy, before, learner.average, own[-settings.recent :])
            row |= learn(config, learner, world, starts)
            save_weights(stage / "rounds" / f"{number:03d}-memory.npz", learner.average)
            write_arrays(stage / "rounds" / f"{number:03d}.npz", {"parameters": learner.policy.parameters})
            driven, figures = _drive(chain, stage, learner, world, per_round * number)
            for index, episode in enumerate(driven, per_round * number):
                write_arrays(_own_file(stage, index), episode)
            own += driven
            steps += sum(len(episode["actions"]) for episode in driven)
            learner.rounds += 1
            row |= figures | {"env_steps": steps, "wall_seconds": round(clock.seconds, 1)}
            curve.append({name: row.get(name, "") for name in COLUMNS})
            write_csv(stage / "rounds.csv", COLUMNS, curve)
            log.scalars(number, **{k: v for k, v in row.items() if isinstance(v, float)})
            learner.save(stage / "state.npz")  # last: what a resumed stage drops is recorded again
            clock.save()
            progress.advance(note=f"dream {row['dream_reward']:.2f} a step, clean {row['clean_mean']:.0f}")
    chosen = choose([row["clean_mean"] for row in curve])
    parameters = read_arrays(stage / "rounds" / f"{chosen:03d}.npz", ("parameters",), size)
    write_arrays(stage / "controller.npz", parameters)
    save_weights(stage / "memory.npz", load_weights(stage / "rounds" / f"{chosen:03d}-memory.npz", shapes))
    stage.finish(
        clock.seconds,
        rounds=len(curve),
        env_steps=steps,
        chosen_round=chosen,
        chosen_clean_mean=curve[chosen]["clean_mean"],
        last_clean_mean=curve[-1]["clean_mean"],
    )


def choose(clean: list[float], window: int = WINDOW) -> int:
    """The round whose mean clean return, averaged with its neighbours', is highest; the ends have fewer neighbours."""
    half = window // 2
    smooth = [float(np.mean(clean[max(0, i - half) : i + half + 1])) for i in range(len(clean))]
    return int(np.argmax(smooth))


def chain_steps(chain) -> int:
    """Real steps before the first round: the random driver's."""
    return sum(int(stage.summary()["env_steps"]) for stage in chain.collections)


def _own_file(stage: Stage, index: int) -> Path:
    return stage / "episodes" / f"{index:06d}.npz"


def _drive(chain, stage: Stage, learner, world: Dream, first: int) -> tuple[list, dict]:
    """Episodes of this round, encoded, and what they say about C and about M."""
    from wmlib.stages.dreamer import gamma_at

    config, settings = chain.config, chain.config.dream
    parts, figures = [], {}
    drawn = chain.config.collect.episodes + first
    clean, noisy = settings.clean_episodes, settings.noisy_episodes
    for kind, count, noise in (("clean", clean, 0.0), ("noisy", noisy, settings.noise)):
        seeds = track_seeds("collect", config.seed, drawn + (clean if kind == "noisy" else 0), count)
        candidates = learner.policy.parameters[None]
        if kind == "noisy":
            random = generator(config.seed, "dream", "habits", learner.rounds)
            candidates = with_habits(candidates, count, settings.habits, random)
        totals, episodes = drive(chain, stage, learner, candidates, seeds, noise, settings.patience, record=True)
        parts.append(episodes)
        figures |= {f"{kind}_mean": round(float(totals.mean()), 2) if count else "", f"{kind}_n": count}
        if kind == "clean":
            figures["clean_std"] = spread(totals)
    driven = parts[0] + parts[1]
    guess, real = foretold(world, driven, generator(config.seed, "dream", "foretold", learner.rounds))
    if len(real) > 2 and guess.std() > 0 and real.std() > 0:
        figures |= {
            "stretch_correlation": round(float(np.corrcoef(guess, real)[0, 1]), 3),
            "stretch_foretold": round(float(guess.mean()), 3),
            "stretch_real": round(float(real.mean()), 3),
        }
    if settings.validate_every and learner.rounds % settings.validate_every == 0:
        seeds = track_seeds("validation", config.seed, 0, settings.validation_tracks)
        totals, _ = drive(chain, stage, learner, learner.policy.parameters[None], seeds, 0.0, patience=0)
        figures |= {"validation_mean": round(float(totals.mean()), 2), "validation_std": spread(totals)}
        figures["validation_n"] = len(totals)
    return driven, figures | calibration(world, learner.critic, parts[0], gamma_at(settings, learner.rounds))


def with_habits(parameters: np.ndarray, count: int, scale: float, random: np.random.Generator) -> np.ndarray:
    """``count`` copies of C (1, P), each with a habit of its own: its biases shifted for a whole episode.

    A driver who always gives the same gas teaches M nothing about gas: M then takes speed for fate, and a dream in
    which C lifts its foot ends in the ditch as often.
    """
    copies = np.repeat(parameters, count, axis=0)
    copies[:, -ACTION_SIZE:] += scale * np.array(HABITS) * random.standard_normal((count, ACTION_SIZE))
    return copies


def drive(
    chain,
    stage: Stage,
    learner,
    candidates: np.ndarray,
    seeds: list[int],
    noise: float,
    patience: int,
    record: bool = False,
) -> tuple[np.ndarray, list]:
    """Real episodes of one or several C's (n, P), in turn, with the learner's M: returns, and episodes if recorded."""
    from wmlib.models.inference import FrameEncoder
    from wmlib.models.weights import load_weights

    config = chain.config
    if not seeds:
        return np.empty(0), []
    folder, encoder = stage / "driven", chain.vision / "encoder.npz"
    shutil.rmtree(folder, ignore_errors=True)
    memory = stage / "rounds" / f"{learner.rounds:03d}-memory.npz"
    spec = replace(worker_spec(config, encoder, memory, min(len(seeds), config.rollout.lanes)), noise=noise)
    if record:
        spec = replace(spec, samples=config.collect.samples, record=folder)
    jobs = [Job(index, index % len(candidates), seed) for index, seed in enumerate(seeds)]
    with make_executor(config.rollout, spec) as executor:
        totals = np.array([episode.total for episode in executor.run(jobs, candidates, patience)])
    if not record:
        return totals, []
    encode = FrameEncoder(load_weights(encoder), config.encoder_compute)
    episodes = [encoded(RolloutStore.read(file), encode) for file in RolloutStore(folder).files()]
    shutil.rmtree(folder)
    return totals, episodes


def calibration(world: Dream, critic, episodes: list, gamma: float, ahead: int = 250) -> dict:
    """What the critic, who knows only dreams, says of real states, and what came; the last ``ahead`` steps left out."""
    said, came = [], []
    for episode in episodes:
        rewards = episode["rewards"]
        if len(rewards) <= ahead:
            continue
        states, following = replay(world.memory, [episode], generator(0, "dream", "calibration"), 1), 0.0
        returns = np.empty(len(rewards))
        for t in range(len(rewards) - 1, -1, -1):
            following = returns[t] = (1 - gamma) * rewards[t] + gamma * following
        said.append(critic(np.concatenate([states.z, states.h], axis=1))[:-ahead])
        came.append(returns[:-ahead])
    if not said:
        return {}
    return {
        "value_foretold": round(float(np.concatenate(said).mean()), 4),
        "value_real": round(float(np.concatenate(came).mean()), 4),
    }


def _read_curve(path: Path) -> list[dict]:
    """Rows of ``rounds.csv``, numbers parsed; empty when there is none yet."""
    whole = {"round", "env_steps", "clean_n", "noisy_n", "validation_n"}
    return read_csv(path, {name: int if name in whole else float for name in COLUMNS}, optional=COLUMNS, new=True)
