"""Who drives the data of an iteration after the first, and what it earned: the only word on C that the world gives.

C itself drives some episodes; where its search begins at the best C so far, that one and a scout take turns with it.
Neighbours of C, and of the scout, drive the others.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from wmlib.data.rollouts import RolloutStore
from wmlib.runs import Stage, read_arrays
from wmlib.seeds import generator
from wmlib.stages.curve import read_curve

MOST = 5  # times as many episodes as ``collect.on_policy_episodes`` in an iteration of short ones, at most
FEW = 3  # drives, at least, by which a C is judged


def episodes(chain) -> int:
    """How many episodes an iteration collects."""
    settings = chain.config.collect
    if chain.iteration == 1:
        return settings.episodes
    least = settings.on_policy_episodes
    if not settings.on_policy_steps:
        return least
    earlier = RolloutStore(chain.data_driver.collect / "rollouts")
    lengths = [earlier.length(file) for file in earlier.files()]
    return int(np.clip(round(settings.on_policy_steps / np.mean(lengths)), least, MOST * least))


def pilots(chain) -> list[Stage]:
    """The stages whose C's drive an iteration's data themselves, in turn: C's, its scout's, and the best one's."""
    driver = chain.data_driver
    beside = [driver.scout, best(driver)] if driver.has_scout else []
    return [driver.controller, *beside]


def drivers(chain) -> np.ndarray:
    """The C's that drive an iteration's data (drivers, P); in turn, if there are fewer than episodes.

    Pilots come first, then neighbours, as far off as the last candidates of a search were. With ``controller.offset``,
    every other neighbour is a pilot in a car that pulls to a side, as in C's dreams.
    """
    stages, near = pilots(chain), _neighbours(chain)
    own = [read_arrays(stage / "controller.npz", ("parameters",))["parameters"].astype(float) for stage in stages]
    if not near:
        return np.stack(own)
    random = generator(chain.config.seed, "collect", "neighbours", chain.iteration)
    offset, actions = chain.data_driver.config.controller.offset, chain.config.numbers.action_size
    parts = [own[index % len(own)] for index in range(episodes(chain) - near)]
    for index in range(near):
        which = index // 2 % min(2, len(own))
        c, moved = own[which].copy(), random.standard_normal(len(own[which]))
        if offset and index % 2:
            c[-actions:] += offset * moved[-actions:]
        else:
            c += read_curve(stages[which] / "learning_curve.csv")[-1]["sigma"] * moved
        parts.append(c)
    return np.stack(parts)


def _neighbours(chain) -> int:
    return round(chain.config.collect.on_policy_spread * episodes(chain))


@cache
def best(chain) -> Stage:
    """The stage, of all whose C's have driven data up to an iteration, whose C has earned the most by its own drives:
    their mean less its standard error. The first one's, if none has driven often enough."""
    returns: dict[Stage, list[float]] = {}
    for part in (chain.at(iteration) for iteration in range(2, chain.iteration + 1)):
        stages, files = pilots(part), RolloutStore(part.collect / "rollouts").files()
        for index, file in enumerate(files[: len(files) - _neighbours(part)]):
            returns.setdefault(stages[index % len(stages)], []).append(_return(file, part.config.numbers))
    judged = {stage: values for stage, values in returns.items() if len(values) >= FEW}
    worth = {stage: np.mean(values) - np.std(values, ddof=1) / len(values) ** 0.5 for stage, values in judged.items()}
    return max(worth, key=worth.get) if worth else chain.at(1).controller


def _return(file, task) -> float:
    """An episode's return; one that patience stopped pays for the steps it would still have taken."""
    episode = read_arrays(file, ("rewards", "terminated"))
    left = 0 if episode["terminated"] else task.max_steps - len(episode["rewards"])
    return float(episode["rewards"].sum()) - task.step_cost * left
