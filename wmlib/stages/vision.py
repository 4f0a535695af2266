"""Stage vision. Reads: rollouts. Writes: ``encoder.npz``, ``decoder.npz`` (V's weights), metrics.

V is what ``vision`` names. The VAE maximises the evidence lower bound: squared error of the reconstruction plus the KL
divergence of q(z|x) from N(0, I) (paper section 3.1 and appendix A.1); the VAE/GAN (:mod:`wmlib.models.vaegan`)
measures the error in a discriminator's features and leaves that discriminator, too, as ``discriminator.npz``. Two
controls tell its parts apart: ``vaematched`` has only its rate, ``vaedis`` only its features. All else is the same.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wmlib.config import Config
from wmlib.data.batches import FrameBatches
from wmlib.data.rollouts import RolloutStore, split
from wmlib.runs import Stage
from wmlib.seeds import generator
from wmlib.stages.monitor import Monitor
from wmlib.stages.training import devices, fix_seed, optimizer_for, train

HELD_OUT_FRAMES = 1000
CALIBRATION_FRAMES = 400  # of training episodes


def frame_files(chain) -> tuple[list, list]:
    """Training and held-out episode files of all iterations so far."""
    training, held_out = [], []
    for stage in chain.collections:
        files = split(RolloutStore(stage / "rollouts").files(), chain.config.collect.holdout)
        training += files[0]
        held_out += files[1]
    return training, held_out


def sample_frames(files: list, count: int = HELD_OUT_FRAMES) -> np.ndarray:
    """A fixed sample of frames uint8 (n, 64, 64, 3) from some episodes."""
    random = generator(0, "sample of frames")
    chosen = random.permutation(len(files))[: max(1, count // 20)]
    share = max(1, count // len(chosen))
    frames = []
    for index in chosen:
        episode = RolloutStore.read(files[index]).frames
        frames.append(episode[random.permutation(len(episode))[:share]])
    return np.concatenate(frames)[:count]


def answers(network, x: np.ndarray):
    """What a network says of one batch; in Keras each of several devices says all of it."""
    given = network.predict_on_batch(x)
    return [array[: len(x)] for array in given] if isinstance(given, list) else given[: len(x)]


def encode(vae, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """mu and log-variance (n, 32) of uint8 frames."""
    parts = [answers(vae.encoder, frames[i : i + 100] / np.float32(255)) for i in range(0, len(frames), 100)]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def measure(vae, frames: np.ndarray, mu: np.ndarray, log_variance: np.ndarray) -> dict[str, float]:
    """Held-out figures of V: squared error per frame when decoding the mean, KL in nats, active dimensions."""
    errors = []
    for i in range(0, len(frames), 100):
        x = frames[i : i + 100] / np.float32(255)
        errors.append(np.square(answers(vae.decoder, mu[i : i + 100]) - x).sum((1, 2, 3)))
    kl = 0.5 * (np.square(mu) + np.exp(log_variance) - 1 - log_variance)
    return {
        "reconstruction": float(np.concatenate(errors).mean()),
        "kl": float(kl.sum(1).mean()),
        "active": float((mu.var(0) > 0.01).sum()),
    }


def build_v(config: Config, vaegan: Stage | None = None):
    """The V that ``config.vision`` names, ready to train, and what watches its training (None for a VAE).

    Args:
        vaegan: stage of the finished VAE/GAN; only the controls read it.

    Raises:
        UserError: the VAE/GAN left no discriminator, or one of another shape.
    """
    settings, sizes = config.vision_settings, {"latent_size": config.numbers.latent_size, "seed": config.seed}
    if config.vision == "vaegan":
        from wmlib.models.vaegan import VAEGAN, build_optimizers

        v = VAEGAN(settings, **sizes)
        v.compile(build_optimizers(settings))
        return v, Monitor(settings.patience)
    if config.vision == "vaedis":
        from wmlib.models.featurevae import FeatureVAE
        from wmlib.models.weights import load_weights

        v = FeatureVAE(settings, load_weights(vaegan / "discriminator.npz"), **sizes)
    else:
        from wmlib.models.vae import VAE

        if config.vision == "vaematched":
            settings = replace(settings, kl_floor=vaegan.summary()["kl"] / sizes["latent_size"])
        v = VAE(settings, **sizes)
    v.compile(optimizer=optimizer_for(settings))
    return v, None


def run(chain, stage: Stage) -> None:
    """Train V and write its weights."""
    from wmlib.models.inference import calibrate
    from wmlib.models.weights import model_weights, save_weights

    config, settings = chain.config, chain.config.vision_settings
    fix_seed(config.seed, "vision")
    training, held_out = frame_files(chain)
    test_frames = sample_frames(held_out)
    with devices(config.replicas).scope():
        vae, monitor = build_v(config, chain.vaegan)
    batches = FrameBatches(training, settings.batch_size, config.seed)
    figures = {}

    def watch(log, update: int) -> None:
        mu, log_variance = encode(vae, test_frames)
        figures.update(measure(vae, test_frames, mu, log_variance))
        log.scalars(update, **{f"held_out_{name}": value for name, value in figures.items()})
        log.histogram(update, "latent/mu", mu)
        log.histogram(update, "latent/standard deviation", np.exp(0.5 * log_variance))
        shown = test_frames[:: max(1, len(test_frames) // 8)][:8]
        pairs = np.concatenate([shown / 255.0, answers(vae.decoder, encode(vae, shown)[0])], axis=1)
        log.images(update, "held-out/frame above reconstruction", pairs)
        noise = generator(0, "prior samples").standard_normal((8, mu.shape[1])).astype(np.float32)
        log.images(update, "samples of the prior", answers(vae.decoder, noise))

    seconds = train(vae, batches.start, settings, stage, f"{stage.name} (V)", watch, monitor)
    weights = model_weights(vae.encoder)
    scales = calibrate(weights, sample_frames(training, CALIBRATION_FRAMES))  # for int8 arithmetic
    save_weights(stage / "encoder.npz", {**weights, **scales})
    save_weights(stage / "decoder.npz", model_weights(vae.decoder))
    if config.vision == "vaegan":
        save_weights(stage / "discriminator.npz", model_weights(vae.discriminator))
    images = settings.updates * settings.batch_size
    stage.finish(
        seconds,
        updates=settings.updates,
        images_per_second=round(images / seconds, 1),
        **({"kl_floor": round(vae.config.kl_floor, 4)} if config.vision == "vaematched" else {}),
        **{name: round(float(value), 4) for name, value in figures.items()},
    )
    (stage / "checkpoint.npz").unlink(missing_ok=True)
