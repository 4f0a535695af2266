"""What was measured of the V's and M's of VAE and VAE/GAN, in sentences that are chosen by the records.

A statement never claims more than its interval: with one training run of each arm it is about these networks, with
several about the arms.
"""

from __future__ import annotations

from wmbook.records.records import Records
from wmbook.show.comparison import CONTROLS, GROUPS, LABELS, REFERENCE, look, summary, verdict
from wmbook.show.contest import ARM, drivers, settings, train_seeds


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
    known = records.comparison.get("arms", {})
    counts = {"V and M": {arm: len(known.get(arm, {})) for arm in (REFERENCE, ARM)}}
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


def measured(records: Records, name: str) -> dict | None:
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
        measured(records, f"pixels/{name}") for name in ("mse", "edge_mse", "sharpness", "contrast")
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
        told = measured(records, f"distribution/{kind}/kid")
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
        told = measured(records, name)
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
    gain = measured(records, "memory/gain")
    if not gain:
        return ""
    text = (
        f"Above the marginal, M gains {gain['ours']} nats a step on the VAE/GAN's z and {gain['theirs']} on the VAE's "
        f"({gain['text']}: **{gain['verdict']}**)."
    )
    road = {step: measured(records, f"openloop/road/expected/at{step}") for step in (10, 50, 100)}
    parts = [
        f"after {step} steps {told['ours']} against {told['theirs']} ({told['verdict']})"
        for step, told in road.items()
        if told
    ]
    return text + (f" Alone, it loses the road by: {', '.join(parts)}, in units of variance." if parts else "")


def controls(records: Records) -> list[str]:
    """Controls whose V is on record."""
    return [arm for arm in CONTROLS if arm in records.comparison.get("arms", {})]


def rate(records: Records) -> str:
    """Whether the two V's spend the same number of nats on z, which the control of the same rate would settle."""
    told = measured(records, "latent/kl")
    if not told:
        return ""
    close = abs(told["value"]) < 1
    return f"The VAE/GAN spends {told['ours']} nats on a frame, the VAE {told['theirs']} ({told['text']}). " + (
        "They differ by less than a nat: the rate can hardly be what tells the two apart."
        if close
        else "This is a difference of its own: part of what follows may be owed to the rate and not to the game."
    )
