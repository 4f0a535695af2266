"""What a run folder holds: one line per stage, with its seconds and key figure."""

from __future__ import annotations

from pathlib import Path

from wmlib.config import Config
from wmlib.errors import UserError
from wmlib.runs import DONE, read_record
from wmlib.stages.chain import plan

KEY_FIGURES = {
    "collect": ("frames", "{:,.0f} frames"),
    "vision": ("held_out_reconstruction", "squared error {:.1f} per held-out frame"),
    "encode": ("images_per_second", "{:,.0f} images/s"),
    "memory": ("held_out_nll", "{:.3f} nats per dimension, held out"),
    "controller": ("validation_mean", "{:.0f} on validation tracks"),
    "evaluate": ("mean", "{:.0f} on test tracks"),
}


def table(config: Config, folder: Path) -> list[tuple[str, str, str]]:
    """Rows (stage, seconds, key figure) of a run."""
    rows = []
    for chain, name in plan(config, folder):
        stage = chain.stage(name)
        summary = stage.summary()
        kinds = {"mean": float, "std": float, "n": int, "ci95": list} if name == "evaluate" else {}
        key = KEY_FIGURES[name][0]
        kinds |= {known: float for known in (key, key.removeprefix("held_out_")) if known in summary}
        if summary:
            read_record(stage / DONE, **kinds)
        try:
            figure = _figure(name, summary, config.numbers.record)
        except (TypeError, ValueError):
            raise UserError(f"{stage / DONE}: its figures are damaged; redo the stage with --force") from None
        rows.append((stage.name, f"{summary['seconds']:.0f}" if summary else "-", figure))
    return rows


def _figure(name: str, summary: dict, record: str) -> str:
    """The key figure of a stage in words."""
    key, template = KEY_FIGURES[name]
    value = summary.get(key, summary.get(key.removeprefix("held_out_")))
    if name == "evaluate" and summary:
        low, high = summary["ci95"]
        return (
            f"{summary['mean']:.0f} ± {summary['std']:.0f} on {summary['n']} test tracks of unmodified "
            f"{record} (95 % interval of the mean {low:.0f} to {high:.0f})"
        )
    return template.format(value) if value is not None else ("" if summary else "not finished")


def print_info(config: Config, folder: Path) -> None:
    """Print the table."""
    rows = [("stage", "seconds", "key figure"), *table(config, folder)]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    print(f"{folder} (scale {config.scale}, seed {config.seed})")
    for stage, seconds, figure in rows:
        print(f"  {stage:<{widths[0]}}  {seconds:>{widths[1]}}  {figure}")
