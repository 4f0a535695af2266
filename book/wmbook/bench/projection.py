"""How a search would scale to more cores: arithmetic on measured parts, not a measurement.

A generation of J episodes of S frames on n cores takes

    T(n) = T_search + n T_dispatch + T_rest + L (T_reset + S t(L)) / e,    L = ceil(J / n),

where CMA-ES's ask and tell (T_search) and the rest (T_rest: workers that start at different moments, results that are
collected) happen once, handing out jobs (T_dispatch) costs each worker's share, and each core drives L lanes at t(L)
seconds per lane and step, measured on one worker; e is what sharing the machine's memory leaves of a core's speed.
Steps per second are J S / T(n).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FORMULA = "T(n) = T_search + n T_dispatch + T_rest + L (T_reset + S t(L)) / e,  L = ceil(J / n)"
CORES = (1, 2, 16, 64, 1000)
EPISODES, STEPS = 64 * 16, 1000  # a generation of the paper: 64 candidates, 16 tracks each


@dataclass(frozen=True)
class Parts:
    """What was measured, in seconds.

    Attributes:
        search: CMA-ES per generation.
        dispatch: handing out jobs, per worker.
        rest: per generation, what the other parts do not explain.
        reset: a new track for one lane.
        step: lanes -> seconds per lane and step on one core.
        efficiency: speed of each of many busy cores as a share of one busy core's, at most 1.
    """

    search: float
    dispatch: float
    rest: float
    reset: float
    step: dict[int, float]
    efficiency: float

    def step_seconds(self, lanes: int) -> float:
        """Seconds per lane and step, interpolated between the measured numbers of lanes in their logarithms."""
        known = sorted(self.step)
        if lanes >= known[-1]:
            return min(self.step.values())  # more jobs than lanes: refilled at the best number of lanes
        high = next(count for count in known if count >= lanes)
        if high == lanes or high == known[0]:
            return self.step[high]
        low = known[known.index(high) - 1]
        share = math.log(lanes / low) / math.log(high / low)
        return self.step[low] ** (1 - share) * self.step[high] ** share

    def generation_seconds(self, cores: int, episodes: int = EPISODES, steps: int = STEPS) -> float:
        """T(n)."""
        lanes = math.ceil(episodes / cores)
        driving = lanes * (self.reset + steps * self.step_seconds(lanes))
        return self.search + cores * self.dispatch + self.rest + driving / (self.efficiency if cores > 1 else 1.0)


def parts(rounds: dict[str, list[dict[str, float]]], cores: int, share: int, episode: int) -> Parts:
    """Medians of what the groups *rollout* and *dream* measured.

    Args:
        share: episodes of each worker in the contenders ``workers_N``.
        episode: frames of each.
    """
    from statistics import median

    def middle(key: str, metric: str) -> float:
        return median(row[metric] for row in rounds[key])

    step = {int(key[6:]): 1 / middle(key, "steps") for key in rounds if key.startswith("lanes_")}
    alone, together = middle("workers_1", "steps"), middle(f"workers_{cores}", "steps")
    found = Parts(
        search=middle("search", "search"),
        dispatch=middle("workers_1", "dispatch"),
        rest=0.0,
        reset=middle("profile", "reset") / 1000,
        step=step,
        efficiency=min(1.0, together / (cores * alone)),
    )
    explained = found.dispatch + share * (found.reset + episode * found.step_seconds(share))
    rest = max(0.0, middle("workers_1", "generation") - explained)
    return Parts(**{**vars(found), "rest": rest})


def project(found: Parts) -> dict:
    """The record: what went in, and for each number of cores seconds, steps per second, efficiency."""
    one = found.generation_seconds(1)
    rows = {}
    for cores in CORES:
        seconds = found.generation_seconds(cores)
        rows[str(cores)] = {
            "seconds": round(seconds, 3),
            "steps_per_second": round(EPISODES * STEPS / seconds),
            "speedup": round(one / seconds, 2),
            "efficiency": round(one / seconds / cores, 4),
        }
    inputs = {name: float(f"{value:.4g}") for name, value in vars(found).items() if name != "step"}
    return {
        "note": "A projection from parts measured on this machine, not a measurement.",
        "formula": FORMULA,
        "episodes": EPISODES,
        "steps": STEPS,
        "inputs": inputs | {"step": {str(lanes): float(f"{value:.4g}") for lanes, value in found.step.items()}},
        "cores": rows,
    }
