"""``wmbook drive``: a shipped agent's V, M and C as files that the book's page reads without a server.

A browser that opens a page from disk may load scripts and nothing else, so each file is a script that hands over one
object: a list of arrays and their float16 numbers in base64. The decoder's first two layers have no activation between
them, so they are one matrix, and a decoder of 3.6 million weights is the same function with 0.4 million.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np

from wmlib.models.weights import load_weights
from wmlib.runs import atomic_path, write_text
from wmlib.seeds import generator, track_seeds

VERSION = 2  # of the files; the page refuses others
WORLDS = {"vae-zh": "VAE", "vaegan-zh": "VAE/GAN"}  # arm -> its name on the page; its headline run is shown
DRIVES, STEPS = 8, 400  # real drives on validation tracks, and frames of each
PROBED, STRIDE = slice(50, None), 3  # frames that the linear read-outs are fitted on: the camera has come to rest
HELD_OUT = 2  # drives that the read-outs are only tested on
STARTS = ((0, 0), (1, 0), (0, 120), (1, 220), (2, 160), (3, 300))  # (drive, frame) where a dream can begin
FIRST = 2  # the start that the page shows before it is started, and begins with
STRIP = tuple((drive, frame) for drive in range(4) for frame in (60, 200, 340))  # real frames of the playground
ACTIVE = 0.01  # variance of mu over frames above which a latent dimension is in use (Burda et al. 2016)
RIDGE = 100.0


def decoder_arrays(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """V's decoder with its two linear layers multiplied out: ``seed`` (32, 3200) replaces ``dense`` and ``deconv1``.

    The other kernels are laid out as the page reads them: (ky, in, kx, out).

    Args:
        weights: arrays of :func:`wmlib.models.vae.build_decoder`, by name.
    """
    kernel = weights["deconv1/kernel"].astype(float)  # (5, 5, 128, 1024), fed a single pixel
    flat = kernel.reshape(-1, kernel.shape[-1]).T  # (1024, 3200)
    bias = weights["dense/bias"] @ flat + np.tile(weights["deconv1/bias"], kernel.shape[0] * kernel.shape[1])
    rest = {name: array for name, array in weights.items() if name.startswith(("deconv2", "deconv3", "deconv4"))}
    rest = {name: array.transpose(0, 3, 1, 2) if array.ndim == 4 else array for name, array in rest.items()}
    return {"seed/kernel": weights["dense/kernel"] @ flat, "seed/bias": bias, **rest}


def script(name: str, arrays: dict[str, np.ndarray], **facts) -> str:
    """A JavaScript file that registers ``arrays`` (float16, or uint8 where they are) under ``name``."""
    parts, index, offset = [], {}, 0
    for key, array in arrays.items():
        array = np.ascontiguousarray(array if array.dtype == np.uint8 else array.astype("<f2"))
        if array.dtype != np.uint8 and not np.isfinite(array).all():
            raise ValueError(f"{name}: {key} does not fit into float16")
        data = array.tobytes() + b"\0" * (array.nbytes % 2)  # float16 begins at even offsets
        index[key] = {"type": array.dtype.name, "shape": array.shape, "offset": offset}
        parts, offset = [*parts, data], offset + len(data)
    body = {"version": VERSION, **facts, "bytes": offset, "arrays": index}
    body["data"] = base64.b64encode(b"".join(parts)).decode()
    return f"(globalThis.dreamFiles ??= {{}})[{json.dumps(name)}] = {json.dumps(body)};\n"


def drive(agent, track_seed: int, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The agent on one real track: frames uint8 (T, 64, 64, 3), actions (T, 3) and states (T, 2).

    A state is the speed in m/s and the angle in radians between the car and the road, positive to the left.
    """
    import gymnasium

    from wmlib.envs.carracing import preprocess
    from wmlib.rollout.lanes import Job
    from wmlib.rollout.worker import make_driver

    environment, driver = gymnasium.make("CarRacing-v3"), make_driver(agent.worker_spec(1))
    driver.begin(0, Job(0, 0, track_seed), agent.parameters)
    observation, _ = environment.reset(seed=track_seed)
    frames, actions, states = [], [], []
    for _ in range(steps):
        frame = preprocess(observation)
        action = driver.act(frame[None], np.ones(1, bool))[0].copy()
        frames.append(frame), actions.append(action), states.append(_state(environment.unwrapped))
        observation, _, terminated, truncated, _ = environment.step(action)
        if terminated or truncated:
            break
    environment.close()
    return np.array(frames), np.array(actions), np.array(states)


def _state(environment) -> tuple[float, float]:
    hull, track = environment.car.hull, np.array(environment.track)  # rows: alpha, direction, x, y
    nearest = np.square(track[:, 2:] - np.array(hull.position)).sum(1).argmin()
    turned = hull.angle - track[nearest, 1]
    return float(np.hypot(*hull.linearVelocity)), float(np.arctan2(np.sin(turned), np.cos(turned)))


def remembered(agent, frames: np.ndarray, actions: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """What this agent's V and M make of a drive: mu and z (T, 32), and h and c (T, 256) before each frame.

    z is drawn, as M has learnt it and dreams it. A read-out fitted on mu would trust dimensions that carry only noise.
    """
    from wmlib.models.inference import FrameEncoder, MemoryStep

    encode = FrameEncoder(load_weights(agent.path("encoder")), agent.config.encoder_compute)
    mu, log_variance = encode(frames)
    noise = generator(seed, "export-web").standard_normal(mu.shape)
    z = (mu + np.exp(log_variance / 2) * noise).astype(np.float32)
    remember = MemoryStep(load_weights(agent.path("memory")))
    h = c = np.zeros((1, remember.hidden_size), np.float32)
    states = []
    for now, action in zip(z, actions, strict=True):
        states.append((h[0], c[0]))
        h, c = remember(now[None], action[None], h, c)
    return mu, z, *map(np.array, zip(*states, strict=True))


def read_out(x: list[np.ndarray], y: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Ridge regression from [z, h] to the state: weights (d, 2), bias (2,), and R² on the drives held out."""
    x, y = ([part[PROBED][::STRIDE].astype(float) for part in parts] for parts in (x, y))
    known, truth = np.concatenate(x[:-HELD_OUT]), np.concatenate(y[:-HELD_OUT])
    mean, scale, centre = known.mean(0), known.std(0) + 1e-3, truth.mean(0)
    scaled = (known - mean) / scale
    penalty = RIDGE * np.eye(scaled.shape[1])
    weights = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ (truth - centre)) / scale[:, None]
    bias = centre - mean @ weights
    unseen, truth = np.concatenate(x[-HELD_OUT:]), np.concatenate(y[-HELD_OUT:])
    left = np.square(truth - unseen @ weights - bias).sum(0) / np.square(truth - truth.mean(0)).sum(0)
    return weights, bias, [round(float(1 - share), 2) for share in left]


def write(folder: Path) -> None:
    """Put a script for each world, one for the real frames and the picture shown before them into a folder."""
    import cv2

    from wmlib.stages.agents import shipped_agent

    agents = {arm: shipped_agent(arm).with_picture("wmbook drive") for arm in WORLDS}
    tracks = track_seeds("validation", 0, 60_000_000, DRIVES)  # far from those that choose a generation
    drives = [drive(agents["vae-zh"], track, STEPS) for track in tracks]
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"start": STARTS, "strip": STRIP}
    frames = {name: np.array([drives[d][0][t] for d, t in places]) for name, places in pictures.items()}
    _write(folder / "frames.js", script("frames", frames, starts=[{"frame": t} for _, t in STARTS]))
    with atomic_path(folder / "start.png") as temporary:
        temporary.write_bytes(cv2.imencode(".png", frames["start"][FIRST][..., ::-1])[1].tobytes())
    for arm, agent in agents.items():
        seen = [remembered(agent, *drives[d][:2], seed=d) for d in range(DRIVES)]
        inputs = [np.concatenate([z, h], axis=1) for _, z, h, _ in seen]
        weights, bias, r2 = read_out(inputs, [states for _, _, states in drives])
        variance = np.concatenate([mu[PROBED] for mu, *_ in seen]).var(0)
        memory, decoder = load_weights(agent.path("memory")), load_weights(agent.path("decoder"))
        arrays = {**decoder_arrays(decoder), **memory, "controller": agent.parameters}
        arrays |= {"readout/kernel": weights, "readout/bias": bias}
        arrays["strip/z"] = np.array([seen[d][0][t] for d, t in STRIP])
        arrays |= {f"start/{k}": np.array([seen[d][i][t] for d, t in STARTS]) for i, k in enumerate("zhc", start=1)}
        active = [int(k) for k in np.argsort(-variance) if variance[k] > ACTIVE]
        facts = {"title": WORLDS[arm], "arm": arm, "train_seed": agent.train_seed, "r2": r2, "active": active}
        spread = [round(float(np.sqrt(variance[k])), 3) for k in active]
        _write(folder / f"{arm}.js", script(arm, arrays, **facts, spread=spread))


def _write(path: Path, text: str) -> None:
    write_text(path, text)
    print(f"{path}: {len(text) / 1e6:.1f} MB")
