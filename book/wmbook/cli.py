"""The ``wmbook`` command: measure, compare, look, record and execute, for the book. Options as in ``wmlib``."""

from __future__ import annotations

import argparse
from pathlib import Path

from wmlib import __version__
from wmlib.config import TASKS
from wmlib.errors import UserError
from wmlib.options import add_command, add_run_options, add_train_seed, carry_out, number, resolve, rules


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; the reference page of the book is generated from it."""
    parser = argparse.ArgumentParser(
        prog="wmbook",
        description="The book's workshop: execute its notebooks, write its records, measure what it prints.",
        epilog="From a finished run to the book's records:  wmbook report --run runs/full",
    )
    parser.add_argument("--version", action="version", version=f"wmbook {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_notebooks,
        _add_report,
        _add_analyse,
        _add_bends,
        _add_race,
        _add_compare,
        _add_bench,
        _add_figures,
        _add_paper,
        _add_reference,
        _add_drive,
        _add_site,
    ):
        add(commands)
    return parser


def _add_notebooks(commands) -> None:
    notebooks = add_command(
        commands,
        "notebooks",
        "execute the book's notebooks with papermill",
        "example:  wmbook notebooks --scale quick --run runs/quick",
        _notebooks,
    )
    add_run_options(notebooks)
    notebooks.add_argument("--in-place", action="store_true", help="refresh the committed notebooks themselves")
    notebooks.add_argument("--only", default=None, help="one notebook, by the start of its name")


def _notebooks(arguments: argparse.Namespace) -> None:
    from wmbook.press.notebooks import execute_notebooks

    config, folder = resolve(arguments)
    execute_notebooks(config, folder, in_place=arguments.in_place, only=arguments.only)


def _add_report(commands) -> None:
    report = add_command(
        commands,
        "report",
        "write book/results from finished runs (the only writer of it)",
        "example:  wmbook report --run runs/full --publish",
        _report,
    )
    report.add_argument("--run", type=Path, action="append", default=[], help="run folder; repeat for several")
    report.add_argument(
        "--random",
        metavar="TASK",
        nargs="?",
        const="carracing",
        choices=tuple(TASKS),
        help="also drive the test tracks with a task's drivers that learn nothing, as arms of their own (default task: "
        "carracing)",
    )
    report.add_argument(
        "--vision", metavar="NAME", default=None, help="record only how the run's V was trained, under this name"
    )
    report.add_argument("--results", type=Path, default=None, help="where to write (default: book/results)")
    report.add_argument("--publish", action="store_true", help="also copy weights as float16 into wmlib/pretrained")
    rules(report, {"vision": "run", "publish": "run"}, {"vision": ("publish",)})


def _report(arguments: argparse.Namespace) -> None:
    from wmbook.records.publish import report, report_baselines, report_vision

    if not arguments.run and not arguments.random:
        raise UserError("report: name what to report, with --run DIR or --random")
    if arguments.vision:
        if len(arguments.run) != 1:
            raise UserError("report --vision: name the one run whose V it is, with --run DIR")
        report_vision(*arguments.run, arguments.vision, arguments.results)
    elif arguments.run:
        report(arguments.run, arguments.results, arguments.publish)
    if arguments.random:
        report_baselines(arguments.random, arguments.results)


def _add_analyse(commands) -> None:
    analyse = add_command(
        commands,
        "analyse",
        "look at how a driver drives: points lost, use of memory, read-outs, films (validation tracks only)",
        "example:  wmbook analyse --pretrained vae-zh --films book/_static\n"
        "          wmbook analyse --run runs/full --arm vae-z",
        _analyse,
    )
    analyse.add_argument("--run", type=Path, default=None, metavar="DIR", help="run folder of the driver")
    analyse.add_argument("--arm", default=None, help="which driver of the run folder (default: vae-zh)")
    analyse.add_argument(
        "--pretrained", metavar="ARM", default=None, help="shipped weights; with --run also their gap to it"
    )
    add_train_seed(analyse)
    analyse.add_argument("--tracks", type=number(int, 1), default=64, help="validation tracks to drive (default: 64)")
    analyse.add_argument("--out", type=Path, default=None, help="JSON to update (default: book/results/analysis.json)")
    analyse.add_argument(
        "--films", type=Path, default=None, metavar="DIR", help="film its easiest and hardest track into this folder"
    )
    rules(analyse, {"train-seed": "pretrained", "arm": "run"}, {"pretrained": ("arm",)})


def _analyse(arguments: argparse.Namespace) -> None:
    from wmbook.analysis import analyse

    analyse(arguments)


def _add_bends(commands) -> None:
    bends = add_command(
        commands,
        "bends",
        "measure how a driver meets a bend, and what its z and h hold of the bend ahead (validation tracks only)",
        "example:  wmbook bends --pretrained vae-zh",
        _bends,
    )
    bends.add_argument("--pretrained", metavar="ARM", required=True, help="shipped weights")
    add_train_seed(bends)
    bends.add_argument("--tracks", type=number(int, 8), default=64, help="validation tracks to drive (default: 64)")
    bends.add_argument("--out", type=Path, default=None, help="JSON to update (default: book/results/bends.json)")


def _bends(arguments: argparse.Namespace) -> None:
    from wmbook.analysis.bends import bends

    bends(arguments)


def _add_race(commands) -> None:
    race = add_command(
        commands,
        "race",
        "film two shipped drivers on one track, side by side, with their speeds and pedals",
        "example:  wmbook race vae-zh vae-zh-hidden-taught --out book/_static/race.mp4",
        _race,
    )
    race.add_argument("arms", nargs=2, metavar="ARM", help="shipped weights: left, then right")
    text = "track seed (default: a validation track)"
    race.add_argument("--track", type=number(int, 0), default=1_000_095_000, help=text)
    race.add_argument("--out", type=Path, required=True, help="film to write (.mp4), with a poster beside it (.png)")


def _race(arguments: argparse.Namespace) -> None:
    from wmbook.analysis.race import race

    race(arguments)


def _add_compare(commands) -> None:
    compare = add_command(
        commands,
        "compare",
        "measure what the V's and M's of several arms know, on held-out episodes",
        "example:  wmbook compare --run runs/full --run runs/full-seed1 --arms vae,vaegan",
        _compare,
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


def _compare(arguments: argparse.Namespace) -> None:
    from wmbook.compare import compare

    compare(arguments)


def _add_bench(commands) -> None:
    bench = add_command(
        commands,
        "bench",
        "measure speed side by side with what a user would pick instead",
        "example:  wmbook bench --repetitions 5",
        _bench,
    )
    bench.add_argument("--repetitions", type=number(int, 1), default=5, help="interleaved repetitions")
    bench.add_argument("--only", default=None, help="comma-separated groups: simulator, rollout, training, dream")
    bench.add_argument("--out", type=Path, default=None, help="JSON to write (default: book/results/bench.json)")


def _bench(arguments: argparse.Namespace) -> None:
    from wmbook.bench import bench

    bench(arguments)


def _add_figures(commands) -> None:
    text = "draw the figures of the book's pages from the records"
    add_command(commands, "figures", text, "example:  wmbook figures", _figures)


def _figures(arguments: argparse.Namespace) -> None:
    from wmbook.bench import figures
    from wmbook.show import bends, diagrams, paper_figures

    for file in (*diagrams.write(), *figures.write(), *paper_figures.write(), *bends.write()):
        print(file)


def _add_paper(commands) -> None:
    text = "set the report as a four-page paper, _build/report.pdf"
    add_command(commands, "paper", text, "example:  wmbook paper", _paper)


def _paper(arguments: argparse.Namespace) -> None:
    from wmbook.press.paper import build
    from wmbook.show import paper_figures

    paper_figures.write()
    print(build())


def _add_reference(commands) -> None:
    text = "rewrite the pages on the command line and the configuration from the code"
    add_command(commands, "reference", text, "example:  wmbook reference", _reference)


def _reference(arguments: argparse.Namespace) -> None:
    from wmbook.press.reference import write
    from wmlib.cli import build_parser as wmlib_parser

    for file in write(wmlib_parser(), build_parser()):
        print(file)


def _add_drive(commands) -> None:
    drive = add_command(
        commands,
        "drive",
        "write the shipped worlds as scripts for the page that is driven in",
        "example:  wmbook drive",
        _drive,
    )
    drive.add_argument("--out", type=Path, default=None, metavar="DIR", help="default: book/_static/drive")


def _drive(arguments: argparse.Namespace) -> None:
    from wmbook.press.drive_page import write
    from wmbook.records.records import find_root

    write(arguments.out or find_root() / "book" / "_static" / "drive")


def _add_site(commands) -> None:
    site = add_command(
        commands,
        "site",
        "lay out the book's sources with the executed chapters of a run, to build its pages from",
        "example:  wmbook site --run runs/quick --out _build/source",
        _site,
    )
    site.add_argument("--run", type=Path, required=True, metavar="DIR", help="run folder whose chapters were executed")
    site.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to lay them out; replaced if there")


def _site(arguments: argparse.Namespace) -> None:
    from wmbook.press.site import sources

    print(sources(arguments.run, arguments.out))


def main(argv: list[str] | None = None) -> None:
    """Entry point of ``wmbook``."""
    carry_out(build_parser(), argv)


if __name__ == "__main__":
    main()
