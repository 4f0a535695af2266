"""What a run folder holds: one line per stage, with its seconds and key figure."""

from __future__ import annotations

from pathlib import Path

from wmlib.config import Config
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
        key, template = KEY_FIGURES[name]
        value = summary.get(key, summary.get(key.removeprefix("held_out_")))
        figure = template.format(value) if value is not None else ("" if summary else "not finished")
        if name == "evaluate" and summary:
            figure = (
                f"{summary['mean']:.0f} ± {summary['std']:.0f} on {summary['n']} test tracks of unmodified "
                f"{config.numbers.record} (95 % interval {summary['ci95'][0]:.0f} to {summary['ci95'][1]:.0f})"
            )
        rows.append((stage.name, f"{summary['seconds']:.0f}" if summary else "-", figure))
    return rows


def print_info(config: Config, folder: Path) -> None:
    """Print the table."""
    rows = [("stage", "seconds", "key figure"), *table(config, folder)]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    print(f"{folder} (scale {config.scale}, seed {config.seed})")
    for stage, seconds, figure in rows:
        print(f"  {stage:<{widths[0]}}  {seconds:>{widths[1]}}  {figure}")
