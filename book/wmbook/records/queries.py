"""What tables and claims ask of the records: which arm speaks, what its run cost, which tracks it drove."""

from __future__ import annotations

from wmbook.records.records import Records

HEADLINE = "vae-zh"
SUFFIXES = ("", "-long", "-quick")  # full runs, whose budget all arms share, speak first


def main_arm(records: Records) -> str:
    """The main arm at the largest scale on record; empty if there is none."""
    return next((HEADLINE + suffix for suffix in SUFFIXES if HEADLINE + suffix in records.scores), "")


def pair(records: Records, one: str, other: str) -> tuple[str, str] | None:
    """The names under which both arms are on record at one scale."""
    pairs = ((one + suffix, other + suffix) for suffix in SUFFIXES)
    known = (pair for pair in pairs if set(pair) <= set(records.scores))
    return next((pair for pair in known if len({records.scores[arm].get("scale") for arm in pair}) == 1), None)


def run_of(records: Records, arm: str) -> dict:
    """Configuration, stages and costs of an arm's headline run."""
    return records.runs[f"{arm}/seed{records.headline_seed(arm)}"]


def rehearsed(records: Records) -> bool:
    """Whether the main arm had an earlier iteration that drove for its data."""
    arm = main_arm(records)
    return bool(arm) and run_of(records, arm)["config"]["iterations"] > 1


def stages_of(run: dict, part: str) -> list[dict]:
    """A part's stages, one for each iteration."""
    return [stage for name, stage in run["stages"].items() if name.split("-")[0] == part]


def searched(run: dict) -> tuple[int, float]:
    """Steps and core-hours of search: earlier iterations' in full, the last one's up to the chosen generation."""
    chosen, rehearsals = run["chosen"], stages_of(run, "controller")[:-1]
    seconds = chosen["wall_seconds"] + sum(stage["seconds"] for stage in rehearsals)
    steps = chosen["env_steps"] + sum(stage["env_steps"] for stage in rehearsals)
    return steps, seconds * chosen["cores"] / 3600


def reached(curve: dict, level: float) -> float | None:
    """Core-hours of search until a validated mean solution reached ``level``."""
    for score, seconds, cores in zip(curve["validation_mean"], curve["wall_seconds"], curve["cores"], strict=True):
        if score >= level:  # false where nothing was validated: NaN
            return seconds * cores / 3600
    return None
