"""What the book's sentences rest on: people write them, this module computes the numbers and holds them to the verdict.

:func:`measured` gives a number by name, for the ``{measured}`` role. ``CLAIMS`` names, for each sentence that a new
record could make untrue, its page, words of it, its measurement and the verdict the sentence needs; a test says which
sentence to rewrite when the records no longer bear it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wmbook.records.intervals import paired_difference
from wmbook.records.published import COUNTERPART, SCORES
from wmbook.records.queries import stages_of
from wmbook.records.records import Records
from wmbook.show import controls, learning
from wmbook.show.comparison import GROUPS, LABELS, summary, verdict
from wmlib.errors import UserError
from wmlib.stats import SOLVED, bootstrap_interval

MAIN = "vae-zh"  # the paper's agent: every arm is held against it
ALIKE = "not told apart"


@dataclass(frozen=True)
class Measured:
    """A number as it is printed, and what it says: better, worse, above, below, not told apart; empty if nothing."""

    text: str
    verdict: str = ""


@dataclass(frozen=True)
class Claim:
    """A sentence and what it rests on. ``page``: its file; ``words``: of it; ``measurement``: see :func:`measured`."""

    page: str
    words: str
    measurement: str
    verdict: str


def measured(name: str, records: Records | None = None) -> Measured:
    """A measurement, as ``FAMILY:WHAT``, for example ``against:vae-z`` or ``compare:pixels/mse``.

    Raises:
        UserError: no such family.
    """
    family, _, what = name.partition(":")
    if family not in FAMILIES:
        raise UserError(f"no measurement {name!r}; families: {', '.join(FAMILIES)}")
    return FAMILIES[family](records or Records(), what)


def against(records: Records, arm: str, reference: str = MAIN) -> Measured:
    """An arm's returns minus the main arm's, over all training runs of both, on the tracks they share."""
    found = paired_difference(records.returns_by_run(arm), records.returns_by_run(reference))
    low, high = found["ci95"]
    text = f"{_signed(found['mean'])} points, 95 % interval {_signed(low)} to {_signed(high)}"
    return Measured(text, verdict(found, 1))


def paper(records: Records, arm: str) -> Measured:
    """An arm's mean over training runs and its interval, against the paper's answer to the same question."""
    over, theirs = records.scores[arm]["over_seeds"], SCORES[COUNTERPART[arm]]["mean"]
    low, high = over["ci95"]
    told = "above" if low > theirs else "below" if high < theirs else ALIKE
    return Measured(f"{over['mean']:.0f} (95 % interval {low:.0f} to {high:.0f})", told)


def solved(records: Records, arm: str) -> Measured:
    """The same against the mean at which the task counts as solved."""
    over = records.scores[arm]["over_seeds"]
    low, high = over["ci95"]
    told = "above" if low > SOLVED else "below" if high < SOLVED else ALIKE
    return Measured(f"{over['mean']:.0f} (95 % interval {low:.0f} to {high:.0f})", told)


def tracks(records: Records, what: str) -> Measured:
    """Of an arm's test episodes, all runs: median, mean of the worst and best tenth, share at 900, laps closed."""
    arm, part = what.split()
    returns = np.sort(records.returns_by_run(arm).ravel())
    tenth = max(1, len(returns) // 10)
    rows = [row for row in records.evaluations if (row["arm"], row["renderer"]) == (arm, "gymnasium")]
    values = {
        "median": np.median(returns),
        "worst": returns[:tenth].mean(),
        "best": returns[-tenth:].mean(),
        "solved": 100 * (returns >= SOLVED).mean(),
        "laps": 100 * np.mean([row["lap_finished"] for row in rows]),
    }
    return Measured(f"{values[part]:.0f}")


def spread(records: Records, arm: str) -> Measured:
    """Returns of an arm's training runs, the highest first."""
    means = sorted((run["mean"] for run in records.scores[arm]["train_seeds"].values()), reverse=True)
    return Measured(", ".join(f"{mean:.0f}" for mean in means))


def cost(records: Records, part: str) -> Measured:
    """Minutes of the headline run's stages of one part, all passes together."""
    run = records.runs[f"{MAIN}/seed{records.headline_seed(MAIN)}"]
    seconds = sum(stage["seconds"] for name in part.split("+") for stage in stages_of(run, name))
    return Measured(f"{seconds / 60:.0f}")


def cheaper(records: Records, what: str) -> Measured:
    """How many times the core-hours the original took to validate at a level: for our quickest run on record."""
    level, counted = what.split()
    found = [learning.against_original(records, MAIN, int(seed), float(level)) for seed in _seeds(records, MAIN)]
    quickest = max((each for each in found if each), key=lambda each: each["search"])
    return Measured(f"{quickest[counted]:,.0f}")


def lengths(records: Records, which: str) -> Measured:
    """Frames an episode took in the first or last ten generations of the headline run's last search."""
    seed = records.headline_seed(MAIN)
    control = records.runs[f"{MAIN}/seed{seed}"]["config"]["controller"]
    frames = learning.episode_lengths(learning.curve(records, MAIN, seed), control)
    return Measured(f"{(frames[:10] if which == 'first' else frames[-10:]).mean():.0f}")


def lost(records: Records, reason: str) -> Measured:
    """Points the main driver loses per validation track for one reason."""
    points = np.array([track["points"][reason] for track in records.analysis[MAIN]["tracks"]])
    low, high = bootstrap_interval(points)
    return Measured(f"{points.mean():.1f} (95 % interval {low:.1f} to {high:.1f})")


def bends(records: Records, what: str) -> Measured:
    """Of the tightest bends: share of tiles and of skipped tiles, speed there and where the road is straight."""
    found = records.analysis[MAIN]["bends"]
    tiles, skipped = np.array(found["tiles"]), np.array(found["skipped"])
    values = {
        "radius": 1 / found["edges"][-2],
        "tiles": 100 * tiles[-1] / tiles.sum(),
        "skipped": 100 * skipped[-1] / skipped.sum(),
        "speed": found["speed"][-1],
        "straight": found["speed"][0],
    }
    return Measured(f"{values[what]:.0f}")


def nudge(records: Records, name: str) -> Measured:
    """What moving C's parameters by hand changes."""
    found = records.analysis[MAIN]["nudges"][name]["difference"]
    low, high = found["ci95"]
    text = f"{_signed(found['mean'])} points, 95 % interval {_signed(low)} to {_signed(high)}"
    return Measured(text, verdict(found, 1))


def blind(records: Records, kind: str) -> Measured:
    """What the driver loses with its h held at its average, or at zero."""
    found = records.analysis[MAIN]["without_h"][kind]
    low, high = found["difference"]["ci95"]
    text = f"{found['difference']['mean']:.0f} points per track, 95 % interval {low:.0f} to {high:.0f}"
    return Measured(text, verdict(found["difference"], 1))


def renderer(records: Records, arm: str) -> Measured:
    """Our pictures minus Gymnasium's, the same driver and tracks."""
    found = paired_difference(records.returns(arm, "wmlib"), records.returns(arm, "gymnasium"))
    low, high = found["ci95"]
    text = f"{_signed(found['mean'])} points, 95 % interval {_signed(low)} to {_signed(high)}"
    return Measured(text, verdict(found, 1))


def compare(records: Records, name: str, arm: str = "vaegan") -> Measured:
    """A measurement of the VAE/GAN's V or M against the VAE's."""
    difference = records.comparison["differences"][arm][name]
    listed = name.replace("/network/", "/linear/")
    _, _, better, spec = next(row for group in GROUPS.values() for row in group if row[1] == listed)
    theirs, ours = (summary(records.comparison, each, name)["value"] for each in ("vae", arm))
    low, high = (format(limit, "+" + spec) for limit in difference["ci95"])
    text = f"{ours:{spec}} against {theirs:{spec}} (95 % interval of the difference {low} to {high})"
    return Measured(text.replace("-", "−"), verdict(difference, better))


def probes(records: Records, what: str) -> Measured:
    """How many labels a linear map or a network reads better, or worse, out of the VAE/GAN's z or [z, h]."""
    told = [compare(records, f"probe/{what}/{label}").verdict for label in LABELS]
    better, worse = told.count("better"), told.count("worse")
    leaning = "better" if better - worse >= 3 else "worse" if worse - better >= 3 else ALIKE
    return Measured(f"{better} of {len(LABELS)} labels better and {worse} worse", leaning)


def ingredient(records: Records, what: str) -> Measured:
    """What one ingredient of the VAE/GAN alone changes in one measurement: ``rate``, ``features`` or ``game``."""
    column, name = what.split()
    found = next(rows for title, rows in controls.changes(records).items() if title.startswith(column))[name]
    _, better, spec = controls.rows()[name]
    low, high = (format(limit, "+" + spec) for limit in found["ci95"])
    text = f"{format(found['value'], '+' + spec)} (95 % interval {low} to {high})"
    return Measured(text.replace("-", "−"), verdict(found, better))


def validated(records: Records, arm: str) -> Measured:
    """An arm's best validated mean as a share of the main arm's, mean over runs."""
    both = [
        np.mean([records.runs[f"{each}/seed{seed}"]["chosen"]["validation_mean"] for seed in _seeds(records, each)])
        for each in (arm, MAIN)
    ]
    return Measured(f"{100 * both[0] / both[1]:.0f}", "above" if both[0] >= 0.95 * both[1] else "below")


def _seeds(records: Records, arm: str) -> list[str]:
    return list(records.scores[arm]["train_seeds"])


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


FAMILIES: dict[str, Callable[[Records, str], Measured]] = {
    "against": against,
    "bends": bends,
    "blind": blind,
    "cheaper": cheaper,
    "compare": compare,
    "cost": cost,
    "ingredient": ingredient,
    "lengths": lengths,
    "lost": lost,
    "nudge": nudge,
    "paper": paper,
    "probes": probes,
    "renderer": renderer,
    "solved": solved,
    "spread": spread,
    "tracks": tracks,
    "validated": validated,
}

INDEX, REPORT = "book/index.md", "book/report.md"
BENDS, MEMORY = "book/bends.md", "notebooks/03_memory.ipynb"
RESULTS, COMPARISON = "notebooks/09_results.ipynb", "notebooks/10_comparison.ipynb"
CLAIMS = (
    Claim(INDEX, "a few points below the paper's 906", "paper:vae-zh", "below"),
    Claim(INDEX, "a memory that was never trained drives as well", "against:vae-zh-untrained-m", ALIKE),
    Claim(INDEX, "A sharper eye does not help", "against:vaegan-zh", ALIKE),
    Claim(
        INDEX, "What holds the driver back is neither its eye nor its memory", "against:vae-zh-taught-evolved", "better"
    ),
    Claim(REPORT, "It brakes before bends and scores", "against:vae-zh-taught-evolved", "better"),
    Claim(BENDS, "say enough to do better", "against:vae-zh-hidden-taught", "better"),
    Claim(BENDS, "its 867 weights can do better", "against:vae-zh-taught-evolved", "better"),
    Claim(BENDS, "Lessons alone do not make the linear C safe", "against:vae-zh-taught", "worse"),
    Claim(REPORT, "falls just short of the paper's 906", "paper:vae-zh", "below"),
    Claim(REPORT, "so $z$ alone is not enough", "against:vae-z", "worse"),
    Claim(REPORT, "a hidden layer does not make up for it", "against:vae-z-hidden", "worse"),
    Claim(REPORT, "a random M serves as well as a trained one", "against:vae-zh-untrained-m", ALIKE),
    Claim(REPORT, "the VAE/GAN's driver is not told apart from the VAE's", "against:vaegan-zh", ALIKE),
    Claim(MEMORY, "It drives as well, on record", "against:vae-zh-untrained-m", ALIKE),
    Claim(RESULTS, "a few points below the paper's 906", "paper:vae-zh", "below"),
    Claim(RESULTS, "whether the method solves the task stays open", "solved:vae-zh", ALIKE),
    Claim(RESULTS, "Memory is needed", "against:vae-z", "worse"),
    Claim(RESULTS, "A larger C makes up for a part at most", "against:vae-z-hidden", "worse"),
    Claim(RESULTS, "An untrained memory is enough here", "against:vae-zh-untrained-m", ALIKE),
    Claim(RESULTS, "A longer search changes nothing that could be told", "against:vae-zh-long", ALIKE),
    Claim(RESULTS, "more gas costs points", "nudge:more gas", "worse"),
    Claim(RESULTS, "less brake changes nothing", "nudge:less brake", ALIKE),
    Claim(RESULTS, "gains on the same V and M", "against:vae-zh-taught-evolved", "better"),
    Claim(RESULTS, "Ahead are the taught drivers with hidden units", "against:vae-zh-hidden-taught", "better"),
    Claim(RESULTS, "evolution after the lessons, and they alone", "against:vae-zh-taught-evolved", "better"),
    Claim(RESULTS, "loses most of its return without the news in $h$", "blind:average", "worse"),
    Claim(RESULTS, "the pictures cost nothing that could be told", "renderer:vae-zh", ALIKE),
    Claim(COMPARISON, "worse pixel by pixel", "compare:pixels/mse", "worse"),
    Claim(COMPARISON, "worse over the edges of the road", "compare:pixels/edge_mse", "worse"),
    Claim(COMPARISON, "Its reconstructions are less sharp", "compare:pixels/sharpness", "worse"),
    Claim(COMPARISON, "as a crowd they are not told apart", "compare:distribution/reconstruction/kid", ALIKE),
    Claim(COMPARISON, "samples of the prior are not told apart either", "compare:distribution/prior/kid", ALIKE),
    Claim(COMPARISON, "covers fewer of the real frames", "compare:distribution/reconstruction/coverage", "worse"),
    Claim(COMPARISON, "more so with its samples", "compare:distribution/prior/coverage", "worse"),
    Claim(COMPARISON, "spends more nats on a frame", "compare:latent/kl", "higher"),
    Claim(COMPARISON, "To a linear map its $z$ says more", "probes:linear/z", "better"),
    Claim(COMPARISON, "with $h$ beside it the two are even", "probes:linear/zh", ALIKE),
    Claim(COMPARISON, "A small network hardly finds the difference", "probes:network/z", ALIKE),
    Claim(COMPARISON, "M gains more on the VAE/GAN's $z$", "compare:memory/gain", "better"),
    Claim(COMPARISON, "how long imagination holds is not told apart", "compare:openloop/road/expected/at50", ALIKE),
    Claim(COMPARISON, "The drivers are not told apart", "against:vaegan-zh", ALIKE),
    Claim(COMPARISON, "reaches 95 % of the VAE's validated return", "validated:vaegan-zh", "above"),
    Claim(COMPARISON, "The features cost most of the pixels", "ingredient:features pixels/mse", "worse"),
    Claim(COMPARISON, "the game costs the rest", "ingredient:game pixels/mse", "worse"),
    Claim(COMPARISON, "the rate costs none", "ingredient:rate pixels/mse", "better"),
    Claim(COMPARISON, "The game places the car better in $z$", "ingredient:game probe/linear/z/offset", "better"),
    Claim(COMPARISON, "neither control's driver is told apart", "against:vaematched-zh", ALIKE),
    Claim(COMPARISON, "neither control's driver is told apart", "against:vaedis-zh", ALIKE),
)
