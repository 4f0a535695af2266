"""Learning CarRacing in dreams: what the dreams of a search promised, what the world paid, and what M knew of gas."""

from __future__ import annotations

import numpy as np

from wmbook.records.records import Records, find_root, read_table
from wmbook.show.figures import BLUE, GREEN, PAGE, VERMILLION, new_figure
from wmbook.show.tables import markdown_table

TRIALS = "dreams"  # the folder of trials among the results
MINDS = {"V's noise": "V's draws", "noise of 0.05": "V's means"}  # what M learnt: its name among the trials, its title
DREAMT = "dreamt_losses_per_1000"
EYES = {  # searches that differ in whose h C sees: their name among the trials, their name in the figure
    "halving": "h of an M of random driving",
    "eyes that have learnt nothing": "h of an untrained M",
    "eyes that have learnt everything": "h of an M of all data",
}
FEW = 5  # drives of which no rate is drawn, if there are fewer
LOST, RETURN = "losses_a_thousand_steps", "capped_return_correlation"
SPEEDS = {"pace": "points a step", "losses_per_1000": "losses in 1,000 steps", "episode": "worth of an episode"}


def own_records() -> Records:
    """The records of the arms that learnt in dreams."""
    return Records(find_root() / "book" / "results" / TRIALS)


def rounds(arm: str, seed: int = 0, records: Records | None = None) -> list[dict[str, float]]:
    """Each round of a recorded run: ``steps`` that V and M had learnt from, the population's return in the ``dream``
    and the answer's in the ``world``, a mean over ``n`` validation tracks."""
    records = records or own_records()
    stages = records.runs[f"{arm}/seed{seed}"]["stages"]
    curve = [row for row in records.learning_curves if (row["arm"], int(row["train_seed"])) == (arm, seed)]
    found, steps = [], 0
    for iteration in sorted({int(row["iteration"]) for row in curve}):
        last = [row for row in curve if int(row["iteration"]) == iteration and row["validation_mean"]][-1]
        steps += stages["collect" if iteration == 1 else f"collect-{iteration}"]["env_steps"]
        numbers = {"dream": float(last["population_mean"]), "world": float(last["validation_mean"])}
        found.append({"steps": steps, **numbers, "n": int(last["validation_n"])})
    return found


def runs(arm: str, records: Records | None = None) -> dict[str, list[dict[str, float]]]:
    """The :func:`rounds` of all recorded runs of an arm, by their titles."""
    records = records or own_records()
    seeds = records.scores.get(arm, {}).get("train_seeds", {})
    return {f"seed {seed}": rounds(arm, int(seed), records) for seed in seeds}


def rounds_figure(runs: dict[str, list[dict[str, float]]]):
    """A panel for each run, named by its title: return over real steps, in the dream and in the world."""
    figure, panels = new_figure(PAGE, 2.6, 1, len(runs), sharey=True, squeeze=False)
    for axes, (title, found) in zip(panels[0], runs.items(), strict=True):
        steps = np.array([row["steps"] for row in found]) / 1000
        axes.plot(steps, [row["dream"] for row in found], "s--", color=VERMILLION, label="in its dreams")
        axes.plot(steps, [row["world"] for row in found], "o-", color=BLUE, label="in the world")
        axes.set(title=title, xlabel="thousand real steps", ylim=(-100, 950))
    panels[0, 0].set_ylabel("return of an episode")
    panels[0, 0].legend(loc="upper left")
    return figure


def gas_figure():
    """Losses of the road when C gives more or less gas, in the world and in two M's dreams, each with its own C."""
    answers = _table("answers")
    figure, panels = new_figure(PAGE, 2.3, 1, len(MINDS), squeeze=False)
    for axes, (m, title) in zip(panels[0], MINDS.items(), strict=True):
        rows = [row for row in answers if row["m"] == m]
        gas = [float(row["gas"]) for row in rows]
        world, dream = ([float(row[name]) for row in rows] for name in (LOST, "dreamt_ends_a_thousand_steps"))
        _gas_panel(axes, title, gas, world, dream)
    panels[0, 0].set_ylabel("losses in 1,000 steps")
    panels[0, 0].legend(loc="upper left")
    return figure


def speed_figure(tau: str = "1.0"):
    """Pace, losses and worth of drivers whose gas is shifted, in the world and in the dreams of one M: a panel each."""
    table = _table("speeds")
    rows = [[row for row in table if (row["judge"], row["tau"]) == judge] for judge in (("world", ""), ("M", tau))]
    figure, panels = new_figure(PAGE, 2.3, 1, len(SPEEDS), squeeze=False)
    for axes, (name, title) in zip(panels[0], SPEEDS.items(), strict=True):
        world, dream = ([float(row[name]) for row in part] for part in rows)
        _gas_panel(axes, title, [float(row["gas"]) for row in rows[0]], world, dream)
    panels[0, 0].legend(loc="lower right")
    return figure


def roads_figure():
    """Losses of the road in dreams. Left: by the steps since a dream began, for M's of unlike noise, mean over C's that
    dream from states of their own drives. Right: by the pace of whoever drives, in one M and in the world."""
    table = [row for row in _table("roads") if float(row["tau"]) == 1]
    figure, (left, right) = new_figure(PAGE, 2.5, 1, 2)
    styles = {"0.05": "s--", "0.02": "^-.", "0.01": "D:"}
    for (noise, style), colour in zip(styles.items(), (VERMILLION, GREEN, "black"), strict=True):
        spans = list(dict.fromkeys((row["from_step"], row["to_step"]) for row in table))
        dreamt = [_mean(table, DREAMT, m_noise=noise, from_step=first, to_step=last) for first, last in spans]
        middle = [(int(first) + int(last)) / 2 for first, last in spans]
        left.plot(middle, dreamt, style, color=colour, label=f"noise {noise}")
    world = _mean(table, "real_losses_per_1000")
    left.axhline(world, color=BLUE, label="in the world")
    left.set(xlabel="steps since the dream began", ylabel="losses in 1,000 steps", ylim=(0, None))
    left.legend(loc="lower left")
    rows = [row for row in _table("pace") if int(row["drives"]) >= FEW]
    pace = [(float(row["dream_pace_from"]) + float(row["dream_pace_to"])) / 2 for row in rows]
    right.plot(pace, [float(row["real_losses_per_1000"]) for row in rows], "o-", color=BLUE, label="in the world")
    right.plot(pace, [float(row[DREAMT]) for row in rows], "D:", color="black", label="in the dream, noise 0.01")
    right.set(xlabel="points a step in the dream", ylim=(0, None))
    right.legend(loc="upper left")
    return figure


def eyes_figure(first: int = 8, last: int = 20):
    """Searches from zeros in the dreams of one M, by whose h C sees: returns in the world, and losses in dreams."""
    table = [row for row in _table("eyes") if first <= int(row["generation"]) <= last]
    figure, panels = new_figure(PAGE, 2.5, 1, 2)
    for trial, (style, colour) in zip(EYES, (("D:", "black"), ("^-.", GREEN), ("s--", VERMILLION)), strict=True):
        for search, alpha, label in (("1", 1, EYES[trial]), ("2", 0.5, None)):
            rows = [row for row in table if (row["trial"], row["search"]) == (trial, search)]
            generations = [int(row["generation"]) for row in rows]
            for axes, name in zip(panels, ("world_mean", "mean_ends_per_thousand_dream"), strict=True):
                axes.plot(
                    generations, [float(row[name]) for row in rows], style, color=colour, label=label, alpha=alpha
                )
    panels[0].set(title="in the world", ylabel="mean return")
    panels[1].set(title="in the dream", ylabel="losses in 1,000 steps")
    for axes in panels:
        axes.set(xlabel="generations", ylim=(0, None), xticks=range(first, last + 1, 4))
    panels[1].legend()
    return figure


def _mean(table: list[dict[str, str]], name: str, **where: str) -> float:
    return float(np.mean([float(row[name]) for row in table if all(row[key] == where[key] for key in where)]))


def _gas_panel(axes, title: str, gas: list[float], world: list[float], dream: list[float]) -> None:
    axes.plot(gas, world, "o-", color=BLUE, label="in the world")
    axes.plot(gas, dream, "s--", color=VERMILLION, label="in the dream")
    axes.set(title=title, xlabel="added to C's gas", ylim=(0, 1.1 * max(world + dream)))


def maturity_table(steps: str = "700") -> str:
    """How well M's of unlike training tell the neighbours of one C apart, as Markdown."""
    header = ["M", "updates", "temperature", "losses in 1,000 steps", "correlation of losses", "of returns"]
    rows = [
        [row["m"], f"{int(row['updates']):,}", row["tau"], row["losses_per_1000"], row["loss_correlation"], row[RETURN]]
        for row in _table("maturity")
        if row["steps"] == steps
    ]
    return markdown_table(header, rows)


def whole_table(generations: tuple[str, ...] = ("20", "60")) -> str:
    """Searches in dreams of whole episodes: what the dreams promise and what the world pays, as Markdown."""
    table = _table("whole")
    shown = [(what, each) for each in generations for what in ("dream", "world")]
    rows = []
    for m, tau in dict.fromkeys((row["m"], row["tau"]) for row in table):
        at = {row["generation"]: row for row in table if (row["m"], row["tau"]) == (m, tau)}
        rows.append([m, tau, *(f"{at[each][f'{what}_mean']} ± {at[each][f'{what}_std']}" for what, each in shown)])
    return markdown_table(["M has learnt from", "temperature", *(f"{what} after {each}" for what, each in shown)], rows)


def arms_table(records: Records | None = None) -> str:
    """Scores of the C's that learnt in dreams, and of one that learnt in the world with as small a V, as Markdown: a
    row per training run."""
    world, records, rows = Records(), records or own_records(), []
    for arm, label in (
        ("dream-cma", "in dreams, CMA-ES"),
        ("dream-ac", "in dreams, actor-critic"),
        ("vae-zh-quick", "in the world, CMA-ES"),
    ):
        found = records if arm in records.scores else world
        for seed, entry in found.scores.get(arm, {}).get("train_seeds", {}).items():
            stages = found.runs[f"{arm}/seed{seed}"]["stages"]
            real = sum(stage["env_steps"] for stage in stages.values() if "env_steps" in stage)
            score, low, high = f"{entry['mean']:.0f} ± {entry['std']:.0f}", *entry["ci95"]
            median, good = f"{entry['median']:.0f}", f"{entry['share_solved']:.0%}".replace("%", " %")
            rows.append([label, seed, score, f"{low:.0f} to {high:.0f}", median, good, str(entry["n"]), f"{real:,}"])
    header = ["C learnt", "seed", "score", "95 % interval", "median", "at 900", "test tracks", "real steps"]
    return markdown_table(header, rows)


def _table(name: str) -> list[dict[str, str]]:
    return read_table(find_root() / "book" / "results" / TRIALS / f"{name}.csv")
