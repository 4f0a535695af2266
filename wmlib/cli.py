"""The ``wmlib`` command: one sub-command per stage, and a few to look at what they made.

Each sub-command is one function that adds its options and one that carries them out. Heavy imports happen inside the
latter, so ``--help`` appears at once.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from wmlib import __version__
from wmlib.errors import UserError
from wmlib.options import add_command, add_run_options, add_train_seed, carry_out, number, resolve, rules

STAGES = {
    "collect": "record rollouts of a random driver",
    "vision": "train V, the variational autoencoder",
    "encode": "turn recorded frames into latents with V",
    "memory": "train M, the MDN-RNN",
    "controller": "search C, the controller, with CMA-ES",
    "evaluate": "drive the test tracks in unmodified Gymnasium",
}


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; the reference page of the book is generated from it."""
    parser = argparse.ArgumentParser(
        prog="wmlib",
        description="World Models (Ha & Schmidhuber 2018) on the real CarRacing-v3: "
        "collect, vision (V), encode, memory (M), controller (C), evaluate.",
        epilog="From nothing to a driving agent:  wmlib run --scale quick",
    )
    parser.add_argument("--version", action="version", version=f"wmlib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in STAGES.items():
        _add_stage(commands, name, text)
    for add in (_add_run, _add_play, _add_info, _add_show_config):
        add(commands)
    return parser


def _add_stage(commands, name: str, text: str) -> None:
    example = f"example:  wmlib {name} --scale quick --run runs/quick"
    if name == "evaluate":
        example += "\n          wmlib evaluate --pretrained vae-zh --tracks 100 --first-seed 2000000000"
    stage = add_command(commands, name, text, example, _stage)
    add_run_options(stage)
    stage.add_argument("--force", action="store_true", help="throw this stage's results away and redo it")
    if name == "evaluate":
        stage.set_defaults(execute=_evaluate)
        stage.add_argument("--pretrained", metavar="ARM", default=None, help="evaluate shipped weights")
        add_train_seed(stage)
        stage.add_argument("--tracks", type=number(int, 1), default=None, help="number of tracks")
        stage.add_argument("--first-seed", type=number(int, 0), default=None, help="first track seed; others follow")
        stage.add_argument(
            "--renderer", choices=("gymnasium", "wmlib"), help="whose pictures V sees (default: gymnasium)"
        )
        stage.add_argument("--out", type=Path, default=None, help="CSV to write")
        shipped = ("train-seed", "tracks", "first-seed", "renderer", "out")
        excluded = ("scale", "run", "seed", "set", "force")
        rules(stage, dict.fromkeys(shipped, "pretrained"), {"pretrained": excluded})


def _stage(arguments: argparse.Namespace) -> None:
    from wmlib.stages.chain import Chain, run_stage

    stage = run_stage(Chain(*resolve(arguments)), arguments.command, arguments.force)
    print(f"{stage.path}: {_figures(stage.summary())}")


def _evaluate(arguments: argparse.Namespace) -> None:
    if not arguments.pretrained:
        return _stage(arguments)
    from wmlib.stages.evaluate import evaluate_shipped

    evaluate_shipped(arguments)


def _add_run(commands) -> None:
    run = add_command(
        commands,
        "run",
        "run every stage that is not done yet",
        "example:  wmlib run --scale smoke\n"
        "          wmlib run --pretrained vae-zh --run runs/mine --set controller.tracks=4",
        _run,
    )
    add_run_options(run)
    run.add_argument("--pretrained", metavar="ARM", default=None, help="take over shipped V and M; only C is learnt")
    add_train_seed(run)
    rules(run, {"train-seed": "pretrained"}, {})


def _run(arguments: argparse.Namespace) -> None:
    from wmlib.runs import owned
    from wmlib.stages.chain import run_all

    if arguments.pretrained:
        from wmlib.stages.adopt import adopt, begun
        from wmlib.stages.agents import shipped_agent

        if arguments.run is None:
            raise UserError("--pretrained needs a folder of its own: add --run runs/mine")
        agent = shipped_agent(arguments.pretrained, arguments.train_seed)
        config, folder = resolve(arguments, agent.config)
        begun(agent, folder, config)  # what is refused writes nothing
        with owned(folder):
            adopt(agent, folder)
    stage = run_all(*resolve(arguments))
    print(f"{stage.path}: {_figures(stage.summary())}")


def _add_play(commands) -> None:
    play = add_command(
        commands,
        "play",
        "drive yourself, or watch an agent",
        "example:  wmlib play --agent vae-zh --record drive.mp4"
        "\n          wmlib play --run runs/quick --record mine.mp4",
        _play,
    )
    play.add_argument("--agent", metavar="ARM", default=None, help="shipped arm that drives; without it, you drive")
    play.add_argument(
        "--run", type=Path, default=None, metavar="DIR", help="a driver of this run folder: --agent, or its first"
    )
    add_train_seed(play)
    play.add_argument(
        "--track", type=number(int, 0), default=1_050_000_000, help="track seed (default: a track that is in no score)"
    )
    play.add_argument("--steps", type=number(int, 1), default=1000, help="frames at most")
    play.add_argument(
        "--record", type=Path, default=None, help="write a video (.mp4 or .gif) instead of opening a window"
    )
    play.add_argument("--dream", action="store_true", help="in M's dream of the shipped arm (default: vae-zh)")
    play.add_argument("--tau", type=number(float, 0.01), default=None, help="temperature of the dream (default: 1)")
    play.add_argument(
        "--side-by-side", action="store_true", help="record the real frame, V's reconstruction and M's dream"
    )
    needs = {"train-seed": "agent", "side-by-side": "record", "tau": "dream"}
    rules(play, needs, {"run": ("train-seed", "side-by-side"), "dream": ("side-by-side", "train-seed", "run")})


def _play(arguments: argparse.Namespace) -> None:
    from wmlib.watch.play import play

    play(arguments)


def _add_info(commands) -> None:
    example = "example:  wmlib info --run runs/quick"
    add_run_options(add_command(commands, "info", "what a run folder holds and cost", example, _info))


def _info(arguments: argparse.Namespace) -> None:
    from wmlib.runs import present
    from wmlib.stages.info import print_info

    config, folder = resolve(arguments)
    if not present(folder / "config.json"):
        raise UserError(f"{folder}: holds no run; start one with `wmlib run --run {folder}`")
    print_info(config, folder)


def _add_show_config(commands) -> None:
    example = "example:  wmlib show-config --scale paper"
    add_run_options(add_command(commands, "show-config", "print every setting", example, _show_config))


def _show_config(arguments: argparse.Namespace) -> None:
    print(json.dumps(resolve(arguments)[0].to_dict(), indent=2))


def _figures(summary: dict) -> str:
    return ", ".join(f"{k} {v}" for k, v in summary.items()) or "not finished"


def main(argv: list[str] | None = None) -> None:
    """Entry point of ``wmlib``."""
    carry_out(build_parser(), argv)


if __name__ == "__main__":
    main()
