"""``wmbook report``: the only writer of ``book/results/`` and, see :mod:`wmbook.records.ship`, ``wmlib/pretrained/``.

Rows of an (arm, training seed) replace its earlier rows; everything else in the folder is kept, so runs can be reported
one after the other. All printed numbers are then computed again from the rows.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from wmbook.records.intervals import two_level_interval
from wmbook.records.records import find_root, read_table
from wmbook.records.ship import chosen_row, publish_weights
from wmlib.config import TASKS, Config, RolloutConfig
from wmlib.envs import world
from wmlib.errors import UserError
from wmlib.rollout.worker import WorkerSpec
from wmlib.runs import (
    Stage,
    present,
    read_metrics,
    read_record,
    read_sealed,
    write_csv,
    write_json,
    write_text,
)
from wmlib.seeds import track_seeds
from wmlib.stages.agents import FOLDER, as_trained, figures, finished, label
from wmlib.stages.chain import Chain
from wmlib.stages.curve import read_curve
from wmlib.stages.evaluate import COLUMNS as EPISODES
from wmlib.stages.evaluate import UNMODIFIED_LANES, evaluate, read_rows
from wmlib.stats import describe

PROVENANCE = {"wmlib": str, "python": str, "versions": dict, "processor": dict, "cores": int, "seconds": float}


def report(folders: list[Path], results: Path | None, publish: bool, pretrained: Path = FOLDER) -> None:
    """Write the records of finished runs."""
    home = results or find_root() / "book" / "results"
    for folder in folders:
        for chain in finished(folder):
            arm, seed = label(chain.config), chain.config.seed
            dreams = chain.config.task == "carracing" and chain.config.controller.world == "dream"
            results = home / "dreams" if dreams else _of_task(home, chain.config.task)
            _merge_rows(results / "evaluations.csv", read_rows(chain.evaluate / "episodes.csv"), arm, seed)
            _merge_curve(results / "learning_curves.csv", chain, arm, seed)
            _merge_costs(results / "runs.json", chain, arm, seed)
            _training_curves(results, chain, arm, seed)
            if publish:
                publish_weights(chain, pretrained)
            write_json(results / "summary.json", summarise(results))
            print(f"{results}: {arm}, training seed {seed}")


def report_vision(folder: Path, name: str, results: Path | None = None) -> None:
    """Record how the V of a run was trained, under a name of its own: for a V that no driver was made with.

    Raises:
        UserError: V has not finished.
    """
    results = results or find_root() / "book" / "results"
    chain = Chain(Config.from_dict(read_record(folder / "config.json"), folder / "config.json"), folder)
    if not chain.vision.done:
        raise UserError(f"{chain.vision.path}: has not finished; run `wmlib vision --run {folder}` first")
    config = as_trained(chain)
    if text := _metrics_text(chain.vision):
        write_text(results / "training" / f"vision-{name}-seed{config.seed}.csv", text)
    file = results / "visions.json"
    record = read_record(file) if present(file) else {}
    recorded = chain.vision.summary()
    settings = {"vision": config.vision, **asdict(config.vision_settings)}
    record.setdefault(name, {})[str(config.seed)] = {"settings": settings, "figures": recorded}
    write_json(file, dict(sorted(record.items())))
    print(f"{results}: V of {folder} as {name}")


def report_baselines(
    name: str, results: Path | None = None, tracks: int = 100, rollout: RolloutConfig | None = None
) -> None:
    """Drive the test tracks with a task's drivers that learn nothing, and record each as an arm, such as ``random``."""
    task, results = TASKS[name], _of_task(results or find_root() / "book" / "results", name)
    for baseline in world(name).BASELINES:
        rows = []
        for renderer in task.renderers:
            lanes = UNMODIFIED_LANES if renderer == task.renderers[0] else 32
            spec = WorkerSpec(lanes, renderer=renderer, max_steps=task.max_steps, task=name, baseline=baseline)
            rows += evaluate(baseline, 0, spec, None, track_seeds("test", 0, 0, tracks), rollout or RolloutConfig())
        _merge_rows(results / "evaluations.csv", rows, baseline, 0)
        print(f"{results}: {baseline} on {tracks} test tracks")
    write_json(results / "summary.json", summarise(results))


def _of_task(results: Path, name: str) -> Path:
    """Where a task's records lie."""
    return results if name == "carracing" else results / name


def _merge_rows(path: Path, new: list[dict], arm: str, seed: int) -> None:
    kept = read_rows(path) if present(path) else []
    rows = [row for row in kept if (row["arm"], row["train_seed"]) != (arm, seed)]
    rows += [row | {"arm": arm} for row in new]
    rows.sort(key=lambda row: (row["task"], row["arm"], row["train_seed"], row["renderer"], row["track_seed"]))
    write_csv(path, EPISODES, rows)


def _merge_curve(path: Path, chain: Chain, arm: str, seed: int) -> None:
    """The searches of every iteration; all but the last belong to the full model, which drives the data collection."""
    kept = [row for row in read_table(path) if (row["arm"], row["train_seed"]) != (arm, str(seed))]
    curve = []
    for iteration in range(1, chain.iteration + 1):
        part = chain.at(iteration)
        if part.config.arm == chain.config.arm:
            rows = read_curve(part.controller / "learning_curve.csv")
            curve += [{"arm": arm, "train_seed": seed, "iteration": iteration, **row} for row in rows]
    header = list(curve[0])
    rows = [{"iteration": 1, **row} for row in kept] + curve
    rows.sort(key=lambda row: (row["arm"], *(int(row[name]) for name in ("train_seed", "iteration", "generation"))))
    lines = [",".join(header), *(",".join(str(row[name]) for name in header) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")


def _merge_costs(path: Path, chain: Chain, arm: str, seed: int) -> None:
    record = read_record(path) if present(path) else {}
    stages = figures(chain)
    record[f"{arm}/seed{seed}"] = {
        "scale": chain.config.scale,
        "config": chain.config.to_dict(),
        "stages": stages,
        "total_seconds": round(sum(stage["seconds"] for stage in stages.values()), 1),
        "chosen": chosen_row(chain),
        "provenance": _provenance(chain.controller / "provenance.json"),
    }
    write_json(path, dict(sorted(record.items())))


def _provenance(path: Path) -> dict:
    """Where and with what a stage was run. Raises :class:`UserError` if the file is damaged."""
    record = read_sealed(path, **PROVENANCE)
    processor, revision = record["processor"], record.get("git")  # None: no repository
    texts = [*record["versions"].values(), processor.get("model"), "" if revision is None else revision]
    features = processor.get("extensions")
    if not isinstance(features, list) or not all(isinstance(text, str) for text in [*texts, *features]):
        raise UserError(f"{path}: a version, revision or feature of the processor is no text; redo it with --force")
    return record


def _training_curves(results: Path, chain: Chain, arm: str, seed: int) -> None:
    """Training metrics of V and M, as they were logged.

    Arms share a table when they learnt in the same training. Where another arm's says otherwise, this one has its own.
    """
    runs = read_record(results / "runs.json") if present(results / "runs.json") else {}
    others = [run for name, run in runs.items() if name.endswith(f"/seed{seed}") and name != f"{arm}/seed{seed}"]
    for stage in (chain.vision, chain.memory):
        usual, own = (results / "training" / f"{name}-seed{seed}.csv" for name in (stage.name, f"{stage.name}-{arm}"))
        text = _metrics_text(stage)
        if not text:
            continue
        taken = present(usual) and any(stage.name in run["stages"] for run in others)
        if taken and usual.read_text(encoding="utf-8") != text:
            write_text(own, text)
        else:
            write_text(usual, text)
            own.unlink(missing_ok=True)


def _metrics_text(stage: Stage) -> str:
    """A stage's logged metrics as CSV, empty if it logged none."""
    if stage.done:
        stage.check_whole()
    records = read_metrics(stage / "metrics.jsonl")
    names = sorted({name for record in records for name in record} - {"step"})
    lines = [",".join(["step", *names])]
    for record in records:
        values = (f"{record[name]:.6g}" if name in record else "" for name in names)
        lines.append(",".join([str(record["step"]), *values]))
    return "\n".join(lines) + "\n" if records else ""


def summarise(results: Path) -> dict:
    """Every arm's score, from the rows of ``evaluations.csv`` alone (the unmodified environment's renderer)."""
    rows = read_rows(results / "evaluations.csv")
    task = next(task for task in TASKS.values() if task.record == rows[0]["task"])
    true = task.renderers[0]
    costs = read_record(results / "runs.json") if present(results / "runs.json") else {}
    arms = {}
    for arm in sorted({row["arm"] for row in rows}):
        seeds = sorted({row["train_seed"] for row in rows if row["arm"] == arm})
        headline = _headline(arm, seeds, costs)
        per_seed = {str(seed): describe(_returns(rows, arm, seed, true), task.solved) for seed in seeds}
        entry = {**per_seed[str(headline)], "headline_seed": headline, "train_seeds": per_seed}
        low, high = two_level_interval([_returns(rows, arm, seed, true) for seed in seeds])
        entry["over_seeds"] = {
            "mean": round(float(np.mean([s["mean"] for s in per_seed.values()])), 2),
            "runs": len(seeds),
            "ci95": [round(low, 2), round(high, 2)],
        }
        own = _returns(rows, arm, headline, "wmlib")
        if own:
            entry["wmlib_renderer"] = describe(own, task.solved)
        dreamt = _returns(rows, arm, headline, "dream")
        if dreamt:
            entry["dream"] = describe(dreamt, task.solved)
        entry["scale"] = costs.get(f"{arm}/seed{headline}", {}).get("scale")
        arms[arm] = entry
    return {"task": task.record, "arms": arms}


def _returns(rows: list[dict], arm: str, seed: int, renderer: str) -> list[float]:
    return [r["return"] for r in rows if (r["arm"], r["train_seed"], r["renderer"]) == (arm, seed, renderer)]


def _headline(arm: str, seeds: list[int], costs: dict) -> int:
    """The training seed with the best validation score; test scores play no part."""
    known = [seed for seed in seeds if f"{arm}/seed{seed}" in costs]
    if not known:
        return seeds[0]
    return max(known, key=lambda seed: costs[f"{arm}/seed{seed}"]["chosen"]["validation_mean"])
