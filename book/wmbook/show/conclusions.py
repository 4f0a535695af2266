"""What the drivers with VAE and VAE/GAN did, and what follows from it all, in sentences that are chosen by the records.

As in :mod:`wmbook.show.verdicts`, a statement never claims more than its interval.
"""

from __future__ import annotations

import numpy as np

from wmbook.records.records import Records
from wmbook.show.comparison import GROUPS, LABELS, REFERENCE, look, shared_seeds
from wmbook.show.contest import ARM, drivers, outcomes, train_seeds
from wmbook.show.tables import descending
from wmbook.show.verdicts import SHARP, fewest_runs, measured, tally

SCATTER = 4  # times as far apart as the other arm's runs: worth saying


def control(records: Records) -> str:
    """Which driver does better on the test tracks, and what was not excluded."""
    found = outcomes(records)
    if not found:
        return ""
    score, solved = found[0], found[1]
    low, high = score.ci95
    theirs, ours = (float(np.mean(values)) for values in (score.theirs, score.ours))
    tracks = len(records.returns(drivers(records)[0]))
    text = (
        f"On {tracks} test tracks the VAE/GAN's driver returns {ours:.1f} and the VAE's {theirs:.1f}, each the mean "
        f"over its training runs: {score.difference:+.1f} per track, 95 % interval {low:+.1f} to {high:+.1f}, "
        f"**{score.verdict}**. It reaches 900 on {np.mean(solved.ours):.0f} % of the tracks, the VAE's on "
        f"{np.mean(solved.theirs):.0f} %."
    )
    if min(len(score.ours), len(score.theirs)) > 1:
        text += f" {run_by_run(score.ours, score.theirs)}"
    if score.verdict == "not told apart":
        text += f" A gain of more than {max(high, 0):.1f} or a loss of more than {max(-low, 0):.1f} points is excluded."
    return text


def scatters(ours: list, theirs: list) -> bool:
    """Whether the runs of one arm lie far wider apart than the other's."""
    spreads = sorted(np.ptp(values) for values in (ours, theirs))
    return bool(min(len(ours), len(theirs)) > 1 and spreads[1] > SCATTER * spreads[0])


def run_by_run(ours: list, theirs: list) -> str:
    """Returns of every training run of both arms, and whether one arm's runs scatter far more than the other's."""
    text = f"Run by run: {descending(ours)} with the VAE/GAN, {descending(theirs)} with the VAE."
    spreads = [np.ptp(values) for values in (ours, theirs)]
    if scatters(ours, theirs):
        names = ("VAE/GAN", "VAE") if spreads[0] > spreads[1] else ("VAE", "VAE/GAN")
        text += (
            f" The {names[0]}'s runs lie {max(spreads):.0f} points apart and the {names[1]}'s {min(spreads):.0f}: with "
            "so few runs, one decides the mean, and how often such a run occurs is not known."
        )
    return text


def lagging(records: Records) -> str:
    """Whether V and M explain the worst driver of the arm whose runs scatter. Empty where neither arm's do, or where
    fewer than three of its runs have V and M measured beside the other arm's, on the same episodes."""
    found = outcomes(records)
    if not found:
        return ""
    score, names = found[0], (ARM, REFERENCE)
    place = int(np.ptp(score.theirs) > np.ptp(score.ours))
    returns = (score.ours, score.theirs)[place]
    seeds = train_seeds(records, drivers(records)[place])
    shared = shared_seeds(records.comparison, *names)
    known = [seed for seed in map(str, seeds) if seed in shared]
    if not scatters(score.ours, score.theirs) or len(known) < max(3, len(seeds)):
        return ""
    one, other = (records.comparison["arms"][names[each]] for each in (place, 1 - place))
    signs = {name: better for group in ("zh", "memory", "openloop") for _, name, better, _ in GROUPS[group] if better}
    worst = int(np.argmin(returns))
    ahead = [
        [sign * (one[s]["measurements"][name]["value"] - other[s]["measurements"][name]["value"]) for s in known]
        for name, sign in signs.items()
    ]
    last = int((np.argmin(ahead, axis=1) == worst).sum())
    text = (
        f"Do V and M explain the {look(names[place]).label}'s driver that returns {returns[worst]:.0f}? Of "
        f"{len(signs)} measurements of what $[z, h]$ holds and of how M predicts, each taken relative to the other arm "
        f"on the same episodes, {last} are the lowest of the arm's {len(known)} runs; by chance "
        f"{len(signs) / len(known):.0f} would be. "
    )
    if last > 2 * len(signs) / len(known):
        return text + "V and M of that run are weaker, which may be why."
    return text + (
        "This is no sign that V and M of that run are weaker; the evolution strategy may have made less of as much. "
        "Whether another search on them would do better was not tried."
    )


def share_of_validation(records: Records) -> str:
    """The VAE/GAN's best validated mean as a share of the VAE's, against the mark of 95 %."""
    names = drivers(records)
    if not names:
        return ""
    best = []
    for arm in names:
        runs = [records.runs[f"{arm}/seed{seed}"]["chosen"]["validation_mean"] for seed in train_seeds(records, arm)]
        best.append(float(np.mean(runs)))
    share = 100 * best[0] / best[1]
    return (
        f"Before the runs the mark was set that the VAE/GAN's driver should reach 95 % of the VAE's validated return. "
        f"It reaches {best[0]:.0f} of {best[1]:.0f}, {share:.0f} %: {'met' if share >= 95 else 'missed'}."
    )


def conclusion(records: Records) -> str:
    """What follows for the question, chosen by what pictures, z and drivers did."""
    found = outcomes(records)
    kid, sharp = (measured(records, name) for name in ("distribution/reconstruction/kid", "pixels/sharpness"))
    if not (found and kid and sharp):
        return ""
    told = {kid["verdict"], sharp["verdict"]}
    improved, drives = "better" in told and "worse" not in told, found[0].verdict
    read = [tally(records, [f"probe/linear/{inputs}/{label}" for label in LABELS]) for inputs in ("z", "zh")]
    counts = [f"{len(each['better'])} of {len(LABELS)} better and {len(each['worse'])} worse" for each in read]
    crowd = {
        "better": "closer to real frames",
        "worse": "further from real frames",
        "not told apart": "not told apart from the VAE's",
    }
    parts = [
        f"**The VAE/GAN's pictures:** {SHARP[sharp['verdict']]}, and as a crowd they are "
        f"{crowd[kid['verdict']]}. **Its z:** {counts[0]} of what can be read "
        f"out of it; with $h$ beside it, which is what C gets, {counts[1]}. **Its driver:** {_driver(drives)}."
    ]
    gained, kept = (len(each["better"]) - len(each["worse"]) for each in read)
    if gained >= 3 and abs(kept) <= 1:
        parts.append(REMEMBERED)
    if drives == "not told apart":
        parts.append(NULL[improved])
    elif drives == "better":
        parts.append(GAIN[improved])
    else:
        parts.append(LOSS[improved])
    returns = np.sort(records.returns(drivers(records)[1]))[::-1]
    tenth = returns[: max(1, len(returns) // 10)].mean()
    parts.append(
        f"How much room is there? On its best tenth of the tracks the VAE's driver returns {tenth:.0f}, on all "
        f"{returns.mean():.0f}. If every track went as well as those, {tenth - returns.mean():.0f} points "
        "would be gained."
    )
    if fewest_runs(records) == 1:
        parts.append(
            "At least one arm has a single training run. This describes these networks; whether the arms differ so is "
            "for more seeds to say."
        )
    return "\n\n".join(parts)


def _driver(told: str) -> str:
    return {"better": "better", "worse": "worse"}.get(told, "not told apart from the VAE's")


REMEMBERED = (
    "To a linear map, one frame's z says more with the VAE/GAN, yet with $h$ beside it the two are even: what its z "
    "shows more plainly, M has already gathered from the frames before. A driver without a memory might profit from "
    "the better eye; none was trained here."
)
NULL = {
    True: "Sharper pictures, the same driving: less of a paradox than it sounds. C is a linear map of $[z, h]$ and "
    "never sees a picture; the decoder takes no part in driving. A better picture can help only as far as the "
    "*encoder* had to put something into z that it left out before, and that something must be what the "
    "driver was short of.",
    False: "The pictures are not clearly closer to real frames, and the driving is not told apart. This says that the "
    "game did not do its work at this budget, not that sharper pictures would be of no use.",
}
GAIN = {
    True: "Sharper pictures and better driving came together. That alone does not make one the cause of the other: the "
    "read-outs say whether z holds more for C to use, and only the controls, a VAE of the same rate and the features "
    "without the game, can say which ingredient it was.",
    False: "The driving improved without the pictures. Then it is not sharpness that helped, but another z: what the "
    "features made the encoder keep, or how it is spread over the dimensions that C weighs.",
}
LOSS = {
    True: "Sharper pictures and worse driving. A possible reason, not tested here: a decoder that must look right "
    "draws a crisp edge in a likely place where the VAE's shows doubt. A driver wants the kerb where it is, "
    "not as it looks.",
    False: "The pictures are not closer to real ones and the driving is worse: at this budget the game disturbed V "
    "more than it taught it.",
}
