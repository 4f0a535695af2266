"""What the sub-commands of ``wmlib`` and ``wmbook`` share: options, the rules between them, and how a command ends."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from wmlib.config import SCALES, Config
from wmlib.errors import UserError


def add_command(commands, name: str, text: str, epilog: str, execute: Callable) -> argparse.ArgumentParser:
    """A sub-command that ``execute(arguments)`` carries out; its parser, to add options to."""
    parser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(execute=execute)
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Which run folder, and the settings it is made with: what :func:`resolve` reads."""
    parser.add_argument(
        "--scale",
        choices=SCALES,
        default=None,
        help="smoke: seconds, learns nothing; quick: a driving agent within 30 minutes; "
        "full: what the report prints (default); long: full with a longer search; paper: the paper's own numbers; "
        "dream: C learns in M's dreams alone, within an hour",
    )
    parser.add_argument("--run", type=Path, default=None, metavar="DIR", help="run folder (default: runs/SCALE)")
    parser.add_argument("--seed", type=number(int, 0), default=None, help="training seed of the chain (default: 0)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change one setting, for example --set memory.updates=500; repeat for more",
    )


def add_train_seed(parser: argparse.ArgumentParser) -> None:
    """Which training run of a shipped arm."""
    text = "training run of the arm (default: headline)"
    parser.add_argument("--train-seed", type=number(int, 0), default=None, help=text)


def number(kind: type, least: float) -> Callable[[str], float]:
    """An option's type: a finite int or float of at least ``least``."""

    def parse(text: str):
        value = kind(text)
        if not least <= value < float("inf"):  # false for nan
            raise argparse.ArgumentTypeError(f"{text}: must be a finite number of at least {least}")
        return value

    parse.__name__ = kind.__name__  # what argparse calls it when it cannot be read
    return parse


def rules(parser: argparse.ArgumentParser, needs: dict[str, str], excludes: dict[str, tuple[str, ...]]) -> None:
    """Options that mean something only beside, or only without, another: given otherwise, they are refused."""
    parser.set_defaults(needs=needs, excludes=excludes)


def check_rules(arguments: argparse.Namespace) -> None:
    """Every option given is obeyed or refused. Raises :class:`UserError` that names one that would be dropped."""

    def given(option: str) -> bool:
        value = getattr(arguments, DESTINATIONS.get(option, option.replace("-", "_")))
        return value is not None and value is not False and value != []  # 0 is given

    for option, needed in getattr(arguments, "needs", {}).items():
        if given(option) and not given(needed):
            raise UserError(f"--{option} only counts with --{needed}; add that, or leave it out")
    for option, unused in getattr(arguments, "excludes", {}).items():
        for other in unused:
            if given(option) and given(other):
                raise UserError(f"--{other} does not count with --{option}; leave one of them out")


DESTINATIONS = {"set": "overrides"}  # options whose attribute has another name


def resolve(arguments: argparse.Namespace, begins_with: Config | None = None) -> tuple[Config, Path]:
    """Configuration and run folder of a command: what the folder was made with, then this command's options.

    Args:
        begins_with: what a new folder is about to be made with, instead of the scale's preset.

    Raises:
        UserError: unknown settings, or a scale or seed other than the folder's.
    """
    from wmlib.runs import stored_config

    scale, seed = arguments.scale, arguments.seed
    name = scale or "full"
    folder = arguments.run or Path(os.environ.get("WMLIB_RUNS", "runs")) / (f"{name}-seed{seed}" if seed else name)

    stored = stored_config(folder)
    if stored is None and begins_with is None:
        return Config.preset(name).override([f"seed={seed or 0}", *arguments.overrides]), folder
    config = begins_with if stored is None else Config.from_dict(stored, folder / "config.json")
    for option, wanted, have in (("--scale", scale, config.scale), ("--seed", seed, config.seed)):
        if wanted is not None and wanted != have:
            raise UserError(f"{folder}: was made with {option} {have}, not {wanted}; choose another --run folder")
    return config.override(arguments.overrides), folder


def carry_out(parser: argparse.ArgumentParser, argv: list[str] | None) -> None:
    """Parse and execute. Exit code 2 and one line for bad input, 130 for Ctrl-C, a traceback for the unexpected."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    arguments = parser.parse_args(argv)
    try:
        check_rules(arguments)
        arguments.execute(arguments)
    except UserError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        place = error.filename or "a file"
        print(
            f"{parser.prog}: {place}: cannot write ({error.strerror}); what is finished is kept, the same command "
            "continues once there is space and permission, or choose another --run folder",
            file=sys.stderr,
        )
        sys.exit(2)
    except MemoryError:
        print(
            f"{parser.prog}: no memory left; what is finished is kept, ask for less, or for fewer workers "
            "(--set rollout.workers=1)",
            file=sys.stderr,
        )
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted; the same command continues from here", file=sys.stderr)
        sys.exit(130)
