"""``wmbook compare``: what V's of different arms see and what M's make of it, measured on episodes none was trained on.

Pixels, distributions, probes, likelihoods and open-loop predictions; every function takes arrays and gives numbers.
"""

from __future__ import annotations

from pathlib import Path


def compare(arguments) -> None:
    """Measure the arms of run folders and put them into the record.

    Args:
        arguments: ``run``, folders; ``arms``, comma-separated names or None for all that are finished, see
            :func:`wmbook.compare.arms.open_run`; ``out``, JSON file or None for the book's. Beside it a folder of the
            same name gets a picture per arm and seed.

    Raises:
        UserError: an arm is not finished, or the record was measured with other settings.
    """
    from wmbook.compare.arms import open_run
    from wmbook.records.records import find_root
    from wmlib.runs import check_writable

    check_writable(arguments.out, "--out")
    wanted = [name.strip() for name in arguments.arms.split(",")] if arguments.arms else None
    out = Path(arguments.out or find_root() / "book" / "results" / "comparison.json")
    for run in [open_run(Path(folder), wanted) for folder in arguments.run]:
        measure_run(run, out)
    print(f"written: {out}")


def measure_run(run, out: Path, settings=None) -> dict:
    """Measure every arm of an opened run and write its pictures and entries; returns the whole record."""
    from dataclasses import asdict

    import cv2
    import keras
    import tensorflow as tf

    from wmbook.compare.measure import Measurer
    from wmbook.compare.record import SMOKE, Settings, merge
    from wmlib.runs import atomic_path

    tf.get_logger().setLevel("ERROR")  # it warns that every small network is traced anew, as it must be
    settings = settings or (SMOKE if run.scale == "smoke" else Settings())
    described = {"scale": run.scale, **asdict(settings)}
    before = merge(out, described, {})  # a record of other settings is refused before the work, not after it
    measurer = Measurer(run, settings)
    known = before["arms"].get("supervised", {}).get(str(run.seed), {})
    entries = {}
    if known.get("episodes") != measurer.episodes:  # else another arm's run on the same episodes has measured them
        entries = {(name, run.seed): entry for name, entry in measurer.baselines().items()}
    for arm in run.arms:
        keras.utils.clear_session()
        entries[arm.name, run.seed], picture = measurer.arm(arm)
        with atomic_path(out.with_suffix("") / f"{arm.name}-seed{run.seed}.png") as temporary:
            temporary.write_bytes(cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes())
    return merge(out, described, entries)
