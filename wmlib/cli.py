"""The ``wmlib`` command: one sub-command per stage. Heavy imports happen inside, so ``--help`` appears at once."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from pathlib import Path

from wmlib import __version__
from wmlib.config import SCALES, Config
from wmlib.errors import UserError

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
        example = f"example:  wmlib {name} --scale quick --run runs/quick"
        if name == "evaluate":
            example += "\n          wmlib evaluate --pretrained vae-zh --tracks 100 --first-seed 2000000000"
        stage = _command(commands, name, text, example)
        _run_options(stage)
        stage.add_argument("--force", action="store_true", help="throw this stage's results away and redo it")
        if name == "evaluate":
            _pretrained_options(stage)

    run = _command(
        commands,
        "run",
        "run every stage that is not done yet",
        "example:  wmlib run --scale smoke\n"
        "          wmlib run --pretrained vae-zh --run runs/mine --set controller.tracks=4",
    )
    _run_options(run)
    run.add_argument("--pretrained", metavar="ARM", default=None, help="take over shipped V and M; only C is learnt")
    run.add_argument("--train-seed", type=int, default=None, help="training run of the shipped arm (default: headline)")

    report = _command(
        commands,
        "report",
        "write book/results from finished runs (the only writer of it)",
        "example:  wmlib report --run runs/full --publish",
    )
    report.add_argument("--run", type=Path, action="append", default=[], help="run folder; repeat for several")
    report.add_argument(
        "--random", action="store_true", help="also drive the test tracks with the random driver, as an arm of its own"
    )
    report.add_argument(
        "--vision", metavar="NAME", default=None, help="record only how the run's V was trained, under this name"
    )
    report.add_argument("--results", type=Path, default=None, help="where to write (default: book/results)")
    report.add_argument("--publish", action="store_true", help="also copy weights as float16 into wmlib/pretrained")

    analyse = _command(
        commands,
        "analyse",
        "look at how a driver drives: points lost, use of memory, read-outs, films (validation tracks only)",
        "example:  wmlib analyse --pretrained vae-zh --films book/_static\n"
        "          wmlib analyse --run runs/full --arm vae-z",
    )
    analyse.add_argument("--run", type=Path, default=None, metavar="DIR", help="run folder of the driver")
    analyse.add_argument("--arm", default="vae-zh", help="which driver of the run folder (default: vae-zh)")
    analyse.add_argument(
        "--pretrained", metavar="ARM", default=None, help="shipped weights; with --run also their gap to it"
    )
    analyse.add_argument("--train-seed", type=int, default=None, help="training run of the arm (default: headline)")
    analyse.add_argument("--tracks", type=int, default=64, help="validation tracks to drive (default: 64)")
    analyse.add_argument("--out", type=Path, default=None, help="JSON to update (default: book/results/analysis.json)")
    analyse.add_argument(
        "--films", type=Path, default=None, metavar="DIR", help="film its easiest and hardest track into this folder"
    )

    play = _command(
        commands,
        "play",
        "drive yourself, or watch an agent",
        "example:  wmlib play --agent vae-zh --record drive.mp4"
        "\n          wmlib play --run runs/quick --record mine.mp4",
    )
    play.add_argument("--agent", metavar="ARM", default=None, help="shipped arm that drives; without it, you drive")
    play.add_argument(
        "--run", type=Path, default=None, metavar="DIR", help="a driver of this run folder: --agent, or its first"
    )
    play.add_argument("--train-seed", type=int, default=None, help="training run of the arm (default: headline)")
    play.add_argument(
        "--track", type=int, default=1_050_000_000, help="track seed (default: a track that is in no score)"
    )
    play.add_argument("--steps", type=int, default=1000, help="frames at most")
    play.add_argument(
        "--record", type=Path, default=None, help="write a video (.mp4 or .gif) instead of opening a window"
    )

    play.add_argument(
        "--side-by-side", action="store_true", help="record the real frame, V's reconstruction and M's dream"
    )

    bench = _command(
        commands,
        "bench",
        "measure speed side by side with what a user would pick instead",
        "example:  wmlib bench --repetitions 5",
    )
    bench.add_argument("--repetitions", type=int, default=5, help="interleaved repetitions")
    bench.add_argument("--only", default=None, help="comma-separated groups: simulator, rollout, training, dream")
    bench.add_argument("--out", type=Path, default=None, help="JSON to write (default: book/results/bench.json)")

    compare = _command(
        commands,
        "compare",
        "measure what the V's and M's of several arms know, on held-out episodes",
        "example:  wmlib compare --run runs/full --run runs/full-seed1 --arms vae,vaegan",
    )
    compare.add_argument("--run", type=Path, action="append", required=True, help="run folder; repeat for several")
    compare.add_argument(
        "--arms",
        default=None,
        metavar="ARM[=NAME],...",
        help="visions, each optionally under another name in the record (default: all that are finished)",
    )
    compare.add_argument(
        "--out", type=Path, default=None, help="JSON to add to (default: book/results/comparison.json)"
    )

    info = _command(commands, "info", "what a run folder holds and cost", "example:  wmlib info --run runs/quick")
    _run_options(info)
    show = _command(commands, "show-config", "print every setting", "example:  wmlib show-config --scale paper")
    _run_options(show)

    notebooks = _command(
        commands,
        "notebooks",
        "execute the book's notebooks with papermill",
        "example:  wmlib notebooks --scale quick --run runs/quick",
    )
    _run_options(notebooks)
    notebooks.add_argument("--in-place", action="store_true", help="refresh the committed notebooks themselves")
    notebooks.add_argument("--only", default=None, help="one notebook, by the start of its name")
    return parser


def _command(commands, name: str, text: str, epilog: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scale",
        choices=SCALES,
        default=None,
        help="smoke: seconds, learns nothing; quick: a driving agent within 30 minutes; "
        "full: what the report prints (default); long: full with a longer search; paper: the paper's own numbers",
    )
    parser.add_argument("--run", type=Path, default=None, metavar="DIR", help="run folder (default: runs/SCALE)")
    parser.add_argument("--seed", type=int, default=None, help="training seed of the whole chain (default: 0)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change one setting, for example --set memory.updates=500; repeat for more",
    )


def _pretrained_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pretrained", metavar="ARM", default=None, help="evaluate shipped weights")
    parser.add_argument("--train-seed", type=int, default=None, help="training run of the arm (default: headline)")
    parser.add_argument("--tracks", type=int, default=None, help="number of tracks")
    parser.add_argument("--first-seed", type=int, default=None, help="first track seed; the others follow it")
    parser.add_argument("--renderer", choices=("gymnasium", "wmlib"), default="gymnasium", help="whose pictures V sees")
    parser.add_argument("--out", type=Path, default=None, help="CSV to write")


def resolve(arguments: argparse.Namespace) -> tuple[Config, Path]:
    """Configuration and run folder of a command: what the folder was made with, then this command's options.

    Raises:
        UserError: unknown settings, or a scale or seed other than the folder's.
    """
    from wmlib.runs import open_run

    scale, seed = arguments.scale, arguments.seed
    name = scale or "full"
    folder = arguments.run or Path(os.environ.get("WMLIB_RUNS", "runs")) / (f"{name}-seed{seed}" if seed else name)

    def build(stored: dict | None) -> Config:
        if stored is None:
            config = Config.preset(name)
            return config.override([f"seed={seed or 0}", *arguments.overrides])
        config = Config.from_dict(stored)
        for option, wanted, have in (("--scale", scale, config.scale), ("--seed", seed, config.seed)):
            if wanted is not None and wanted != have:
                raise UserError(f"{folder}: was made with {option} {have}, not {wanted}; choose another --run folder")
        return config.override(arguments.overrides)

    if arguments.command in ("info", "show-config") and not (folder / "config.json").exists():
        return build(None), folder
    return open_run(folder, build), folder


def execute(arguments: argparse.Namespace) -> None:
    """Carry out a parsed command."""
    command = arguments.command
    if command == "evaluate" and arguments.pretrained:
        from wmlib.stages.pretrained import evaluate_pretrained

        evaluate_pretrained(arguments)
    elif command in STAGES:
        from wmlib.stages.chain import Chain, run_stage

        stage = run_stage(Chain(*resolve(arguments)), command, arguments.force)
        print(f"{stage.path}: {_figures(stage.summary())}")
    elif command == "run":
        from wmlib.stages.chain import run_all

        if arguments.pretrained:
            from wmlib.stages.adopt import adopt
            from wmlib.stages.pretrained import find

            if arguments.run is None:
                raise UserError("--pretrained needs a folder of its own: add --run runs/mine")
            adopt(find(arguments.pretrained, arguments.train_seed), arguments.run)
        config, folder = resolve(arguments)
        stage = run_all(config, folder)
        print(f"{stage.path}: {_figures(stage.summary())}")
    elif command == "info":
        from wmlib.stages.info import print_info

        print_info(*resolve(arguments))
    elif command == "show-config":
        import json

        print(json.dumps(resolve(arguments)[0].to_dict(), indent=2))
    elif command == "report":
        from wmlib.stages.publish import report, report_random, report_vision

        if not arguments.run and not arguments.random:
            raise UserError("report: name what to report, with --run DIR or --random")
        if arguments.vision:
            if len(arguments.run) != 1:
                raise UserError("report --vision: name the one run whose V it is, with --run DIR")
            report_vision(*arguments.run, arguments.vision, arguments.results)
        elif arguments.run:
            report(arguments.run, arguments.results, arguments.publish)
        if arguments.random:
            report_random(arguments.results)
    elif command == "analyse":
        from wmlib.analysis import analyse

        analyse(arguments)
    elif command == "play":
        from wmlib.play import play

        play(arguments)
    elif command == "bench":
        from wmlib.bench import bench

        bench(arguments)
    elif command == "compare":
        from wmlib.compare import compare

        compare(arguments)
    elif command == "notebooks":
        from wmlib.notebooks import execute_notebooks

        config, folder = resolve(arguments)
        execute_notebooks(config, folder, in_place=arguments.in_place, only=arguments.only)


def _figures(summary: dict) -> str:
    return ", ".join(f"{k} {v}" for k, v in summary.items() if k != "identity") or "not finished"


def main(argv: list[str] | None = None) -> None:
    """Entry point. Exit code 2 and one line for bad input, 130 for Ctrl-C, a traceback for anything unexpected."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    arguments = build_parser().parse_args(argv)
    try:
        execute(arguments)
    except UserError as error:
        print(f"wmlib: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        place = error.filename or "a file"
        print(
            f"wmlib: {place}: cannot write ({error.strerror}); what is finished is kept, the same command continues "
            "once there is space and permission, or choose another --run folder",
            file=sys.stderr,
        )
        sys.exit(2)
    except KeyboardInterrupt:
        print("wmlib: interrupted; the same command continues from here", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
