"""Take Cover for its chapter: a game played and a dream dreamt by the same C, and what either shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmlib.envs import world
from wmlib.envs.dream import Dream
from wmlib.models.controller import act
from wmlib.models.inference import FrameEncoder
from wmlib.models.weights import load_weights
from wmlib.runs import quiet
from wmlib.seeds import generator
from wmlib.stages.agents import Agent

FIRE = (170, 130)  # red and green above these are a fireball's; nothing else in the room is so bright


@dataclass(frozen=True)
class Life:
    """One game or dream: ``pictures`` uint8 (steps, 64, 64, 3), ``actions`` and M's ``done`` logit (steps,).

    In a dream the pictures are the decoder's, and ``frames`` is empty; in a game they are V's view of ``frames``.
    """

    pictures: np.ndarray
    actions: np.ndarray
    done: np.ndarray
    frames: np.ndarray
    ended: bool


class Player:
    """A shipped agent's V, M and C, ready for both worlds."""

    def __init__(self, agent: Agent):
        with quiet():
            from wmlib.models.vae import build_decoder
            from wmlib.models.weights import set_model_weights
        task = agent.config.numbers
        self.agent, self.task, self.config = agent, task, agent.config.controller
        self.encode = FrameEncoder(load_weights(agent.path("encoder")), agent.config.encoder_compute)
        self.decoder = build_decoder(task.latent_size)
        set_model_weights(self.decoder, load_weights(agent.path("decoder")), "decoder weights")
        self.dreams = Dream(load_weights(agent.path("memory")), task.latent_size, task.action_size)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """z (n, 64) to pictures uint8 (n, 64, 64, 3)."""
        parts = [self.decoder.predict_on_batch(z[i : i + 100]) for i in range(0, len(z), 100)]
        return (255 * np.concatenate(parts)).astype(np.uint8)

    def act(self, z: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
        """C's action (1, 1)."""
        return act(self.config, self.agent.parameters[None], z, h, c, self.task.action_size)

    def game(self, seed: int, steps: int) -> Life:
        """Play the real game for at most ``steps`` tics."""
        lanes = world(self.agent.config.task).make_lanes(1, 0, self.task.renderers[0], self.task.max_steps)
        lanes.reset(0, seed)
        h, c = np.zeros((2, 1, self.dreams.hidden_size), np.float32)
        random, seen, frames, actions, done, ended = generator(seed, "unused"), [], [], [], [], False
        while not ended and len(actions) < steps:
            z = self.encode(lanes.frames)[0]
            action = self.act(z, h, c)
            frames.append(lanes.frames[0].copy())
            seen.append(z[0])
            actions.append(float(action[0, 0]))
            _, _, logit, h, c = self.dreams.step(z, action, h, c, 1.0, random)
            done.append(float(logit[0]))
            ended = bool(lanes.step(action, np.ones(1, bool))[1][0])
        lanes.close()
        return Life(self.decode(np.array(seen)), np.array(actions), np.array(done), np.array(frames), ended)

    def dream(self, z: np.ndarray, tau: float, seed: int, steps: int) -> Life:
        """Dream from a first z (64,) for at most ``steps`` steps."""
        random, now = generator(seed, "lesson"), np.array(z, np.float32)[None]
        h, c = np.zeros((2, 1, self.dreams.hidden_size), np.float32)
        seen, actions, done = [], [], []
        while len(actions) < steps and not (done and done[-1] > 0):
            action = self.act(now, h, c)
            seen.append(now[0])
            actions.append(float(action[0, 0]))
            now, _, logit, h, c = self.dreams.step(now, action, h, c, tau, random)
            done.append(float(logit[0]))
        ended = done[-1] > 0
        return Life(self.decode(np.array(seen)), np.array(actions), np.array(done), np.empty(0), ended)


def fire(pictures: np.ndarray) -> np.ndarray:
    """Share of each picture (n, 64, 64, 3) that is a fireball, float (n,)."""
    return ((pictures[..., 0] > FIRE[0]) & (pictures[..., 1] > FIRE[1])).mean((1, 2))


def film(player: Player, tau: float, seed: int, path: Path, seconds: float = 20, size: int = 256) -> tuple[int, int]:
    """C in its dream and in the game, side by side, from the same first frame; the tics it lived in either.

    A life that is over stays on its last picture, darkened. A ``.png`` poster lies beside the film.
    """
    import cv2

    from wmlib.watch.video import video

    tics = round(35 * seconds)
    game = player.game(seed, tics)
    first = player.encode(game.frames[:1])[0][0]
    dream = player.dream(first, tau, seed, tics)

    def view(pictures: np.ndarray, tic: int, title: str) -> np.ndarray:
        over = tic >= len(pictures)
        picture = cv2.resize(pictures[min(tic, len(pictures) - 1)], (size, size), interpolation=cv2.INTER_CUBIC)
        picture = picture // 3 if over else picture
        banner = np.full((28, size, 3), 255, np.uint8)
        text = f"{title}: {'dead' if over else 'alive'}, {min(tic, len(pictures)) / 35:.1f} s"
        cv2.putText(banner, text, (6, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
        return np.concatenate([banner, picture])

    gap = np.full((size + 28, 8, 3), 255, np.uint8)
    with video(path, 35, 29) as write:
        for tic in range(min(tics, max(len(game.frames), len(dream.pictures)) + 35)):
            picture = np.concatenate([view(dream.pictures, tic, "its dream"), gap, view(game.frames, tic, "game")], 1)
            if tic == 3 * 35:
                cv2.imwrite(str(path.with_suffix(".png")), picture[..., ::-1])
            write(picture)
    return len(dream.pictures), len(game.frames)
