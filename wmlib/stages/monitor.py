"""Has the training of a VAE/GAN collapsed? Judged by its metric records alone, so that a resumed run judges alike."""

from __future__ import annotations

SURE = 0.995  # discriminator accuracy that counts as 1; 1 - SURE counts as 0
WON = 0.1  # discriminator loss, on frames and fakes together, below which it teaches nothing; a guess has 2 log 2
SAME_PICTURE = 0.003  # standard deviation of a pixel, in [0, 1], over prior samples

EASE = "lower vaegan.discriminator_learning_rate or raise vaegan.gamma"


def symptoms(values: dict[str, float]) -> dict[str, str]:
    """What is wrong in one record of :class:`wmlib.models.vaegan.VAEGAN`'s metrics: sentence -> settings that help."""
    found = {}
    if values["active"] < 0.5:
        found["no latent dimension carries information (active 0)"] = "raise vaegan.gamma"
    if values["sample_std"] < SAME_PICTURE:
        found[f"the decoder draws the same picture for every z (sample_std {values['sample_std']:.2g})"] = EASE
    if values["explained"] < 0:
        share = f"explained {values['explained']:.2g}"
        found[f"reconstructions are worse than the mean frame ({share})"] = "lower vaegan.learning_rate or " + EASE
    real, fakes = values["real_accuracy"], (values["reconstruction_accuracy"], values["prior_accuracy"])
    if min(real, *fakes) > SURE and values["gan_discriminator"] < WON:
        loss = f"accuracy 1 on frames and fakes, loss {values['gan_discriminator']:.2g}"
        found[f"the discriminator is always right ({loss})"] = EASE
    if (real < 1 - SURE and min(fakes) > SURE) or (real > SURE and max(fakes) < 1 - SURE):
        answer = "real" if real > SURE else "fake"
        found[f"the discriminator calls every picture {answer}"] = "raise vaegan.discriminator_learning_rate"
    return found


class Monitor:
    """Counts records in a row with the same kind of symptom.

    Args:
        patience: so many in a row are a collapse.
    """

    def __init__(self, patience: int):
        self.patience = patience
        self.rows: dict[str, int] = {}

    @property
    def healthy(self) -> bool:
        """Whether the last record showed no symptom: only then is a checkpoint worth keeping."""
        return not self.rows

    def check(self, values: dict[str, float]) -> tuple[str, str] | None:
        """Take in one record; returns (what was seen, what to set) once it is a collapse."""
        found = symptoms(values)
        kinds = {text.split(" (")[0]: text for text in found}
        self.rows = {kind: self.rows.get(kind, 0) + 1 for kind in kinds}
        for kind, count in self.rows.items():
            if count >= self.patience:
                text = kinds[kind]
                return f"{text} in {count} records in a row", found[text]
        return None
