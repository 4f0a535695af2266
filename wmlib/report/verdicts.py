"""What the comparison of VAE and VAE/GAN says, in sentences that are chosen by the records.

A statement never claims more than its interval: with one training run of each arm it is about these networks, with
several about the arms.
"""

from __future__ import annotations

import numpy as np

from wmlib.report.comparison import GROUPS, LABELS, REFERENCE, look, summary, verdict
from wmlib.report.contest import ARM, drivers, outcomes, settings, train_seeds
from wmlib.report.records import Records

ROAD = tuple(LABELS)[:5]


def differing(records: Records) -> str:
    """Which settings the two arms do not share."""
    if not drivers(records):
        return ""
    names = [text for text, *_, told in settings(records) if told == "differs"]
    others = [name for name in names if name != "V's loss"]
    return (
        "By the table, the arms differ in V's loss and in nothing else."
        if not others
        else f"By the table, the arms differ in V's loss and also in: {'; '.join(others)}."
    )


def run_counts(records: Records) -> dict[str, dict[str, int]]:
    """Training runs on record, of V and M and of drivers: arm to count."""
    measured = records.comparison.get("arms", {})
    counts = {"V and M": {arm: len(measured.get(arm, {})) for arm in (REFERENCE, ARM)}}
    if names := drivers(records):
        counts["drivers"] = {arm: len(train_seeds(records, name)) for arm, name in zip((REFERENCE, ARM), names[::-1])}
    return counts


def fewest_runs(records: Records) -> int:
    """The smallest of these counts."""
    return min(count for arms in run_counts(records).values() for count in arms.values())


def evidence(records: Records) -> str:
    """How many training runs stand behind the chapter, and what so many can say."""
    counts = run_counts(records)
    if not any(count for arms in counts.values() for count in arms.values()):
        return ""
    each = (
        f"{what} {' and '.join(f'{count} with {look(arm).label}' for arm, count in arms.items())}"
        for what, arms in counts.items()
    )
    text = f"Training runs on record: {'; '.join(each)}."
    if fewest_runs(records) == 0:
        return f"{text} Where an arm has none, nothing is compared."
    if fewest_runs(records) == 1:
        return (
            f"{text} **With one run of an arm, an interval says how surely these weights differ on other episodes, and "
            "nothing about the arms:** another training seed would give other weights, and by how much others is not "
            "known."
        )
    return (
        f"{text} Intervals draw runs first and episodes within them, so they speak about the arms. From so few runs "
        "they are still somewhat too narrow, which is why the number of seeds that agree stands beside them."
    )


def _told(records: Records, name: str) -> dict | None:
    """Means of both arms, difference, interval and verdict of a measurement; None if one arm lacks it."""
    difference = records.comparison.get("differences", {}).get(ARM, {}).get(name)
    if not difference or difference["value"] is None:
        return None
    listed = name.replace("/network/", "/linear/")
    _, _, better, spec = next(row for group in GROUPS.values() for row in group if row[1] == listed)
    theirs, ours = (summary(records.comparison, arm, name)["value"] for arm in (REFERENCE, ARM))
    limits = " to ".join(format(limit, "+" + spec) for limit in difference["ci95"])
    return {
        "theirs": format(theirs, spec),
        "ours": format(ours, spec),
        "verdict": verdict(difference, better),
        "text": f"{format(difference['value'], '+' + spec)}, 95 % interval {limits}",
        "value": difference["value"],
    }


def pictures(records: Records) -> str:
    """How far the reconstructions are from their frames, and how sharp they are."""
    error, edge, sharp, any_kind = (
        _told(records, f"pixels/{name}") for name in ("mse", "edge_mse", "sharpness", "contrast")
    )
    if not (error and edge and sharp and any_kind):
        return ""
    return (
        f"Pixel by pixel the VAE/GAN is **{error['verdict']}**: squared error {error['ours']} against "
        f"{error['theirs']} ({error['text']}). Over the edges of the road alone: {edge['ours']} against "
        f"{edge['theirs']}, {edge['verdict']}. Of the frames' contrast its reconstructions keep {sharp['ours']} in its "
        f"place, the VAE's {sharp['theirs']} ({sharp['text']}): **{SHARP[sharp['verdict']]}**. Counting what is out of "
        f"place, too, grain for instance, the VAE/GAN's have {any_kind['ours']} of the frames' contrast and the VAE's "
        f"{any_kind['theirs']}."
    )


SHARP = {
    "better": "they are sharper",
    "worse": "they are less sharp",
    "not told apart": "neither is measurably sharper",
}


def distribution(records: Records) -> str:
    """Whether the pictures as a crowd could be frames."""
    parts = []
    for kind, words in (("reconstruction", "reconstructions"), ("prior", "samples of the prior")):
        told = _told(records, f"distribution/{kind}/kid")
        if told:
            parts.append(
                f"the VAE/GAN's {words} are at {told['ours']}, the VAE's at {told['theirs']} ({told['text']}: "
                f"**{told['verdict']}**)"
            )
    if not parts:
        return ""
    return f"Kernel distance, counted from that of the frames themselves: {'; '.join(parts)}."


def tally(records: Records, names: list[str]) -> dict[str, list[str]]:
    """Measurements by what their intervals say."""
    found: dict[str, list[str]] = {"better": [], "worse": [], "not told apart": []}
    for name in names:
        told = _told(records, name)
        if told and told["verdict"] in found:
            found[told["verdict"]].append(name)
    return found


def knowledge(records: Records, kind: str = "linear") -> str:
    """What a linear map or a small network reads out of z, and of z and h."""
    parts = []
    for inputs, words in (("z", "$z$"), ("zh", "$[z, h]$")):
        found = tally(records, [f"probe/{kind}/{inputs}/{label}" for label in LABELS])
        if any(found.values()):
            each = [
                f"{', '.join(LABELS[name.rpartition('/')[2]] for name in names)} ({told})"
                for told, names in found.items()
                if names and told != "not told apart"
            ]
            rest = len(found["not told apart"])
            parts.append(
                f"From {words}: {'; '.join(each) or 'no label better or worse'}"
                + (f"; {rest} of {len(LABELS)} not told apart" if rest else "")
            )
    return f"The VAE/GAN against the VAE. {'. '.join(parts)}." if parts else ""


def prediction(records: Records) -> str:
    """How well M predicts on each V."""
    gain = _told(records, "memory/gain")
    if not gain:
        return ""
    text = (
        f"Above the marginal, M gains {gain['ours']} nats a step on the VAE/GAN's z and {gain['theirs']} on the VAE's "
        f"({gain['text']}: **{gain['verdict']}**)."
    )
    road = {step: _told(records, f"openloop/road/expected/at{step}") for step in (10, 50, 100)}
    parts = [
        f"after {step} steps {told['ours']} against {told['theirs']} ({told['verdict']})"
        for step, told in road.items()
        if told
    ]
    return text + (f" Alone, it loses the road by: {', '.join(parts)}, in units of variance." if parts else "")


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
    if score.verdict == "not told apart":
        text += f" A gain of more than {max(high, 0):.0f} points or a loss of more than {max(-low, 0):.0f} is excluded."
    return text


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
    kid, sharp = (_told(records, name) for name in ("distribution/reconstruction/kid", "pixels/sharpness"))
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


def controls(records: Records) -> list[str]:
    """Controls whose V is on record."""
    return [arm for arm in ("vaematched", "vaedis") if arm in records.comparison.get("arms", {})]


def rate(records: Records) -> str:
    """Whether the two V's spend the same number of nats on z, which the control of the same rate would settle."""
    told = _told(records, "latent/kl")
    if not told:
        return ""
    close = abs(told["value"]) < 1
    return f"The VAE/GAN spends {told['ours']} nats on a frame, the VAE {told['theirs']} ({told['text']}). " + (
        "They differ by less than a nat: the rate can hardly be what tells the two apart."
        if close
        else "This is a difference of its own: part of what follows may be owed to the rate and not to the game."
    )
