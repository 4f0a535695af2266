"""Doom Take Cover, the real game through ViZDoom (paper section 4; ``pip install 'wmlib[doom]'``).

Monsters at the far wall throw fireballs; the player can only step left or right, and each tic alive pays 1. An episode
ends by death or after 2,100 tics; a mean of 750 over 100 episodes counts as solved. Settings are the authors' own as
they took effect: skill 4 (their library reduced the 5 they asked for), frame skip 1, colours in the order RGB.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np

from wmlib.config import FRAME_SHAPE, TASKS
from wmlib.errors import UserError
from wmlib.seeds import generator

TASK = TASKS["takecover"]
SKILL = 4
THRESHOLD = 1 / 3
VISIBLE = 5 / 6  # rows of the screen that V sees; the authors cut 400 of 480, the rest is floor

ENGINE_SETTINGS = Path(tempfile.gettempdir()) / f"wmlib-vizdoom-{os.getpid()}.ini"  # else it is written where we stand


def preprocess(screen: np.ndarray) -> np.ndarray:
    """Cut the lowest sixth off a screen uint8 (height, width, 3) and area-average it to (64, 64, 3): what V sees."""
    return cv2.resize(screen[: round(len(screen) * VISIBLE)], FRAME_SHAPE[:2], interpolation=cv2.INTER_AREA)


def buttons(action: np.ndarray) -> list[bool]:
    """[left, right] held down for an action (1,)."""
    return [bool(action[0] < -THRESHOLD), bool(action[0] > THRESHOLD)]


def make_game():
    """One game without a window or sound, not yet in an episode.

    The screen is 160 x 120, the smallest: V sees 64 x 64 of it.

    Raises:
        UserError: ViZDoom is not installed.
    """
    try:
        import vizdoom
    except ImportError:
        raise UserError("task takecover: ViZDoom is not installed; pip install 'wmlib[doom]'") from None
    game = vizdoom.DoomGame()
    game.load_config(os.path.join(vizdoom.scenarios_path, "take_cover.cfg"))
    game.set_doom_config_path(str(ENGINE_SETTINGS))
    game.set_doom_skill(SKILL)
    game.set_episode_timeout(TASK.max_steps)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_160X120)
    game.set_window_visible(False)
    game.set_sound_enabled(False)
    game.set_mode(vizdoom.Mode.PLAYER)
    game.init()
    return game


class GameLanes:
    """``lanes`` separate games, stepped one after the other, for :func:`wmlib.rollout.lanes.drive`.

    ``frames`` are V's 64 x 64 pictures; after the end of an episode the last one stays. There are no tiles and no laps.
    """

    def __init__(self, lanes: int):
        self.games = [make_game() for _ in range(lanes)]
        self.frames = np.zeros((lanes, *FRAME_SHAPE), np.uint8)
        self.tiles_visited = np.zeros(lanes, int)
        self.lap_finished = np.zeros(lanes, bool)

    def reset(self, lane: int, seed: int) -> None:
        """New episode in one lane; the seed fixes all its monsters do."""
        self.games[lane].set_seed(seed)
        self.games[lane].new_episode()
        self._see(lane)

    def step(self, actions: np.ndarray, active: np.ndarray):
        """One tic of the active lanes, actions (lanes, 1); rewards float64, terminated, truncated (lanes,)."""
        lanes = len(self.games)
        rewards, terminated, truncated = np.zeros(lanes), np.zeros(lanes, bool), np.zeros(lanes, bool)
        for lane in np.flatnonzero(active):
            game = self.games[lane]
            rewards[lane] = game.make_action(buttons(actions[lane]), 1)
            terminated[lane] = game.is_player_dead()
            truncated[lane] = game.is_episode_finished() and not terminated[lane]
            self._see(lane)
        return rewards, terminated, truncated

    def close(self) -> None:
        """End the games."""
        for game in self.games:
            game.close()
        ENGINE_SETTINGS.unlink(missing_ok=True)

    def _see(self, lane: int) -> None:
        state = self.games[lane].get_state()
        if state is not None:
            self.frames[lane] = preprocess(state.screen_buffer)


class RandomDriver:
    """The authors' random driver: an action uniform in [-1, 1], held for 1 to 10 tics (their code)."""

    def __init__(self, lanes: int):
        self.actions = np.zeros((lanes, TASK.action_size), np.float32)
        self.left = np.zeros(lanes, int)  # tics the action is still held
        self.random: list[np.random.Generator] = [generator(0)] * lanes

    def begin(self, lane: int, job, parameters: np.ndarray | None = None) -> None:
        """Start an episode; its draws follow from the seed alone. There is nothing to set: no parameters."""
        self.random[lane] = generator(job.track_seed, "random player")
        self.left[lane] = 0

    def act(self, frames: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Actions (lanes, 1); the frames are not looked at."""
        for lane in np.flatnonzero(active):
            if self.left[lane] == 0:
                self.actions[lane] = self.random[lane].uniform(-1.0, 1.0)
                self.left[lane] = self.random[lane].integers(1, 11)
            self.left[lane] -= 1
        return self.actions


class StandStill:
    """Presses nothing: the other baseline."""

    def __init__(self, lanes: int):
        self.actions = np.zeros((lanes, TASK.action_size), np.float32)

    def begin(self, lane: int, job, parameters: np.ndarray | None = None) -> None:
        """Nothing to start."""

    def act(self, frames: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Zeros (lanes, 1)."""
        return self.actions


def make_lanes(lanes: int, samples: int, renderer: str, max_steps: int) -> GameLanes:
    """Games in lockstep; the real game knows no other picture than its own, and no other time limit."""
    return GameLanes(lanes)


BASELINES = {"random": RandomDriver, "stay": StandStill}
