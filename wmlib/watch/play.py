"""``wmlib play``: drive with the arrow keys, or watch an agent, shipped or your own; on a screen, or into a video."""

from __future__ import annotations

import os
import sys

import numpy as np

from wmlib.errors import UserError
from wmlib.watch.video import check_film, video


def play(arguments) -> None:
    """Run one episode as the command line asks. Raises :class:`UserError` when there is neither screen nor --record."""
    check_film(arguments.record, "--record")
    if arguments.agent == "random" and arguments.train_seed is not None:
        raise UserError("--train-seed does not count with --agent random; leave one of them out")
    if arguments.record:
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        if arguments.agent is None and arguments.run is None:
            raise UserError("--record needs a driver: add --agent vae-zh (or --agent random), or --run DIR")
    elif sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise UserError("no screen found: add --record drive.mp4 to write a video instead")
    import gymnasium

    mode = "rgb_array" if arguments.record else "human"
    if arguments.dream:
        environment = gymnasium.make(
            "wmlib/DreamCarRacing-v0", agent=arguments.agent, tau=arguments.tau or 1.0, render_mode=mode
        )
    else:
        environment = gymnasium.make("CarRacing-v3", render_mode=mode)
    observation, _ = environment.reset(seed=arguments.track)
    if not (arguments.agent or arguments.run):
        driver = _keyboard()
    else:
        driver = _dreamer(environment.unwrapped) if arguments.dream else _agent(arguments)
    views = _side_by_side(arguments)
    total, steps = 0.0, 0
    with video(arguments.record) as write:
        while steps < arguments.steps:
            steps += 1
            action = driver(observation)
            if views is not None:
                write(views(observation, action))
            observation, reward, terminated, truncated, _ = environment.step(action)
            total += float(reward)
            if write is not None and views is None:
                write(environment.render())
            if terminated or truncated:
                break
    environment.close()
    print(f"{'dream' if arguments.dream else 'track'} {arguments.track}: return {total:.1f} after {steps} steps")
    if arguments.record:
        print(f"{arguments.record}: {steps / 50:.0f} s of video")


def _side_by_side(arguments):
    """A function from (observation, action) to a picture of three views, or None if it was not asked for."""
    if not arguments.side_by_side:
        return None
    if not arguments.record or arguments.run or arguments.agent in (None, "random"):
        raise UserError("--side-by-side needs --record FILE.mp4 and --agent ARM with a shipped decoder")
    from wmlib.envs.carracing import preprocess
    from wmlib.stages.agents import shipped_agent
    from wmlib.watch.film import SideBySide

    agent = shipped_agent(arguments.agent, arguments.train_seed).playing("carracing", "--agent")
    film = SideBySide(agent.with_picture("--side-by-side"))
    return lambda observation, action: film(preprocess(observation), action)


def _keyboard():
    import pygame

    def drive(_observation) -> np.ndarray:
        keys = pygame.key.get_pressed()
        steer = float(keys[pygame.K_RIGHT]) - float(keys[pygame.K_LEFT])
        return np.array([steer, float(keys[pygame.K_UP]), 0.8 * float(keys[pygame.K_DOWN])], np.float32)

    return drive


def _dreamer(environment):
    """C in its own dream: a function from [z, h] to an action."""
    from wmlib.models.controller import act

    agent = environment.agent
    config, parameters = agent.config.controller, agent.parameters[None]
    return lambda _: act(config, parameters, environment.z, environment.h, environment.c)[0]


def _agent(arguments):
    """A function from Gymnasium's observation to an action."""
    from wmlib.envs.carracing import preprocess
    from wmlib.rollout.lanes import Job
    from wmlib.rollout.worker import WorkerSpec, make_driver
    from wmlib.stages.agents import shipped_agent, trained_agent

    if arguments.agent == "random" and not arguments.run:
        spec, parameters = WorkerSpec(1), None
    else:
        name, seed = arguments.agent, arguments.train_seed
        agent = trained_agent(arguments.run, name) if arguments.run else shipped_agent(name, seed)
        agent.playing("carracing", "--agent")
        spec, parameters = agent.worker_spec(1), agent.parameters
    driver = make_driver(spec)
    driver.begin(0, Job(0, 0, arguments.track), parameters)
    active = np.ones(1, bool)
    return lambda observation: driver.act(preprocess(observation)[None], active)[0].copy()
