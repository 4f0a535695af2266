"""All measurements of one run folder: the episodes driven again once, then arm by arm."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmbook.compare import baselines, distribution, memory, openloop, pixels, probes
from wmbook.compare.arms import Arm, Run, open_run, spread
from wmbook.compare.labels import LABELS, ZOOMED, Driven, drive_again
from wmbook.compare.record import Settings, curve, measurement
from wmlib.models.weights import load_weights, set_model_weights
from wmlib.seeds import generator

MARKED = (10, 50, 100)  # horizons that are also single measurements
SHOWN = 8  # frames in the picture of an arm


@dataclass(frozen=True)
class Sample:
    """The kept frames of some driven episodes, one row each, with what belongs to them.

    Attributes:
        driven: the episodes.
        frames: (n, 64, 64, 3) uint8; labels: (n, 8); episode: (n,) place in ``driven``; step: (n,) in its episode.
    """

    driven: list[Driven]
    frames: np.ndarray
    labels: np.ndarray
    episode: np.ndarray
    step: np.ndarray

    def rows(self, arrays: list[np.ndarray]) -> np.ndarray:
        """The kept rows of one array per episode (T + 1, ...)."""
        return np.concatenate([array[driven.kept] for array, driven in zip(arrays, self.driven, strict=True)])


def sample(driven: list[Driven]) -> Sample:
    """Stack the kept frames of episodes."""
    return Sample(
        driven,
        np.concatenate([d.frames for d in driven]),
        np.concatenate([d.labels[d.kept] for d in driven]),
        np.repeat(np.arange(len(driven)), [len(d.kept) for d in driven]),
        np.concatenate([d.kept for d in driven]),
    )


@contextmanager
def timed(title: str):
    """One line of progress for one part: seconds, and those of all cores together."""
    began, work = time.monotonic(), time.process_time()
    yield
    seconds, work = time.monotonic() - began, time.process_time() - work
    print(f"compare {title}: {seconds:.1f} s ({work:.1f} s of work)", file=sys.stderr, flush=True)


class Measurer:
    """Measures arms of one run on the same episodes, frames and labels.

    Args:
        run: the folder.
        settings: how much is measured.
    """

    def __init__(self, run: Run, settings: Settings):
        self.run, self.settings = run, settings
        with timed(f"{run.folder.name}, driving the episodes again"):
            training = spread(run.training, settings.training_episodes)
            held_out = spread(run.held_out, settings.held_out_episodes)
            share = max(1, settings.training_frames // len(training))
            zoomed = ZOOMED if run.scale != "smoke" else 0  # smoke episodes end before
            self.training = sample(drive_again(training, share, zoomed))
            share = max(2, -(-settings.held_out_frames // len(held_out)))
            self.held_out = sample(drive_again(held_out, share, masked=True))
        self.tested = np.flatnonzero(self.held_out.step >= zoomed)  # rows of the held-out frames that are probed
        self.zoomed = zoomed
        labels = self.training.labels
        known = np.isfinite(labels)
        counts = np.maximum(known.sum(0), 1)
        self.centre = np.where(known, labels, 0.0).sum(0) / counts  # (8,) over the training episodes
        self.variance = np.where(known, np.square(labels - self.centre), 0.0).sum(0) / counts
        self.variance = np.where(self.variance > 1e-12, self.variance, 1.0)
        order = generator(0, "halves").permutation(len(self.held_out.frames))
        self.redrawn, self.reference = np.array_split(order, 2)  # frames that are reconstructed, frames to be like
        with timed(f"{run.folder.name}, features of real frames"):
            real = self.held_out.frames[self.reference]
            self.real = [distribution.random_features(real, seed) for seed in range(settings.networks)]

    def entry(self, measurements: dict, curves: dict | None = None, **about) -> dict:
        """What the record keeps of an arm."""
        return {
            "about": {"scale": self.run.scale, "iteration": self.run.iteration, **about},
            "episodes": self.episodes,
            "measurements": {name: measurement(*parts) for name, parts in measurements.items()},
            "curves": {name: curve(*parts) for name, parts in (curves or {}).items()},
        }

    def baselines(self) -> dict[str, dict]:
        """Entries of the random and the supervised encoder and, as the floor of the distances, of real frames."""
        title, settings, seed = self.run.folder.name, self.settings, self.run.seed
        both = self.training.frames, self.held_out.frames[self.tested]
        with timed(f"{title}, random encoder"):
            found = {"random-cnn": self.probe("z", *(baselines.random_encoder(frames, seed) for frames in both))[0]}
        with timed(f"{title}, supervised encoder"):
            encoder = baselines.supervised_encoder(
                self.training.frames, self.training.labels, settings.supervised_updates, seed
            )
            found["supervised"] = self.probe("z", *map(encoder, both))[0]
        found["real-frames"] = self.distances("reconstruction", self.held_out.frames[self.redrawn])
        truth, never = self.held_out.labels[self.tested, -1], np.full(len(self.tested), self.centre[-1])
        found["majority"] = {"probe/linear/z/on_grass_accuracy": probes.accuracy(truth, never, self.tested_episode)}
        return {name: self.entry(measurements) for name, measurements in found.items()}

    def arm(self, arm: Arm) -> tuple[dict, np.ndarray]:
        """An arm's entry, and a picture uint8: rows of held-out frames, reconstructions and samples of the prior."""
        title = f"{self.run.folder.name}, {arm.name}"
        decode = decoder(arm.stages["vision"] / "decoder.npz")
        latents = [[arm.latents(d.recording.number) for d in part.driven] for part in (self.training, self.held_out)]
        weights = load_weights(arm.stages["memory"] / "memory.npz")
        mu = self.held_out.rows([episode["mu"] for episode in latents[1]])
        log_variance = self.held_out.rows([episode["log_variance"] for episode in latents[1]])
        with timed(f"{title}, pixels"):
            redrawn = decode(mu)
            part = self.held_out
            car, edge = (np.concatenate([getattr(d, name) for d in part.driven]) for name in ("car", "edge"))
            values = pixels.compare_pixels(part.frames, redrawn, car, edge, part.episode)
            measurements = {f"pixels/{name}": value for name, value in values.items()}
            kl = 0.5 * (np.square(mu) + np.exp(log_variance) - 1 - log_variance).sum(1)
            measurements["latent/kl"] = pixels.per_episode(kl, np.ones(len(kl)), part.episode)
        with timed(f"{title}, distributions"):
            noise = generator(0, "prior samples").standard_normal((len(self.reference), mu.shape[1]))
            invented = decode(noise.astype(np.float32))
            measurements |= self.distances("reconstruction", redrawn[self.redrawn])
            measurements |= self.distances("prior", invented)
        with timed(f"{title}, probes"):
            step = memory.MemoryStep(weights)
            inputs = []
            for part, episodes in zip((self.training, self.held_out), latents):
                z = [episode["mu"] for episode in episodes]
                h = memory.states(step, z, [episode["actions"] for episode in episodes])
                inputs.append((part.rows(z), part.rows(h)))
            (z, h), (test_z, test_h) = inputs[0], (array[self.tested] for array in inputs[1])
            measurements |= self.probe("z", z, test_z)[0]
            values, linear = self.probe("zh", np.hstack([z, h]), np.hstack([test_z, test_h]))
            measurements |= values
        with timed(f"{title}, likelihoods"):
            random = generator(0, "posterior samples")
            drawn = [[posterior_sample(episode, random) for episode in episodes] for episodes in latents]
            actions = [episode["actions"] for episode in latents[1]]
            values = memory.likelihoods(weights, drawn[1], actions, memory.standard(drawn[0]))
            measurements |= {f"memory/{name}": value for name, value in values.items()}
        with timed(f"{title}, open loop"):
            truth = [driven.labels for driven in self.held_out.driven]
            files = [driven.recording.file for driven in self.held_out.driven]
            settings = self.settings, self.zoomed
            curves = openloop.measure(weights, latents[1], truth, self.variance, files, linear, decode, *settings)
        for name, (horizons, sums, counts) in curves.items():
            marked = [(index, h) for index, h in enumerate(horizons) if h in MARKED]
            measurements |= {f"{name}/at{h}": (sums[:, index], counts[:, index]) for index, h in marked}
        active = int((mu.var(0) > 0.01).sum())
        picture = self.picture(redrawn, invented)
        return self.entry(measurements, curves, identities=arm.identities(), active_dimensions=active), picture

    @property
    def episodes(self) -> list[int]:
        """Tracks of the held-out episodes."""
        return [driven.track_seed for driven in self.held_out.driven]

    @property
    def tested_episode(self) -> np.ndarray:
        """Episode of each probed row."""
        return self.held_out.episode[self.tested]

    def distances(self, kind: str, frames: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Distances of frames from the real ones in every random network, one value per block."""
        settings, features = self.settings, []
        for seed, real in enumerate(self.real):
            features.append(distribution.standardise(real, distribution.random_features(frames, seed)))
        found = distribution.compare_distributions(*map(list, zip(*features)), settings.blocks)
        return {f"distribution/{kind}/{name}": (values, np.ones(len(values))) for name, values in found.items()}

    def probe(self, inputs: str, x: np.ndarray, test: np.ndarray) -> tuple[dict, Callable]:
        """Both probes of a representation: measurements, and the linear one.

        Args:
            inputs: z or zh, for the names.
            x, test: features of the training frames, and of the probed held-out frames.
        """
        y, truth, part = self.training.labels, self.held_out.labels[self.tested], self.training.episode
        linear = probes.fit_linear(x, y, part)
        network = probes.fit_network(x, y, part, self.settings.probe_epochs, seed=self.run.seed)
        found = {}
        for kind, fitted in (("linear", linear), ("network", network)):
            predicted = fitted(test)
            explained, total = probes.r_squared(truth, predicted, self.centre, self.tested_episode)
            for index, label in enumerate(LABELS):
                found[f"probe/{kind}/{inputs}/{label}"] = explained[:, index], total[:, index]
            right = probes.accuracy(truth[:, -1], predicted[:, -1], self.tested_episode)
            found[f"probe/{kind}/{inputs}/on_grass_accuracy"] = right
        return found, linear

    def picture(self, redrawn: np.ndarray, invented: np.ndarray) -> np.ndarray:
        """Frames that show the road, their reconstructions, and samples of the prior: (192, 512, 3)."""
        visible = np.flatnonzero(np.isfinite(self.held_out.labels[:, 0]))
        rows = spread(list(visible if len(visible) else range(len(redrawn))), SHOWN)
        strips = (self.held_out.frames[rows], redrawn[rows], invented[: len(rows)])
        return np.concatenate([np.concatenate(list(strip), axis=1) for strip in strips])


def gain(folder: Path, arm: str, episodes: int = 100) -> float:
    """Nats a step that the M of a run folder knows more than the marginal Gaussian, on at most so many episodes.

    Args:
        arm: name of its V, finished at the run's last iteration.
    """
    run, random = open_run(folder, [arm]), generator(0, "posterior samples")
    parts = (spread(part, episodes) for part in (run.training, run.held_out))
    learnt, unseen = ([run.arms[0].latents(recording.number) for recording in part] for part in parts)
    drawn, told = ([posterior_sample(episode, random) for episode in part] for part in (learnt, unseen))
    weights, actions = load_weights(run.arms[0].stages["memory"] / "memory.npz"), [each["actions"] for each in unseen]
    sums, counts = memory.likelihoods(weights, told, actions, memory.standard(drawn))["gain"]
    return float(sums.sum() / counts.sum())


def posterior_sample(episode: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """z drawn from V's posterior, (T + 1, 32)."""
    noise = random.standard_normal(episode["mu"].shape).astype(np.float32)
    return episode["mu"] + np.exp(0.5 * episode["log_variance"]) * noise


def decoder(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """V's decoder: z (n, 32) to frames (n, 64, 64, 3) uint8, rounded as a screen would show them."""
    from wmlib.models.vae import build_decoder

    model = build_decoder()
    set_model_weights(model, load_weights(path), path)

    def decode(z: np.ndarray) -> np.ndarray:
        parts = [model(z[i : i + 100], training=False).numpy() for i in range(0, len(z), 100)]
        return np.round(255 * np.concatenate(parts)).astype(np.uint8)

    return decode
