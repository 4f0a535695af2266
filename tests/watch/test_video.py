"""Videos: written whole, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from wmlib.errors import UserError
from wmlib.watch.video import video


@pytest.mark.parametrize("name, magic", [("a.mp4", b"ftyp"), ("a.gif", b"GIF89a")])
def test_frames_become_a_file(tmp_path, name, magic):
    random = np.random.default_rng(0)
    with video(tmp_path / name) as write:
        for _ in range(12):
            write(random.integers(0, 255, (64, 96, 3), dtype=np.uint8))
    assert magic in (tmp_path / name).read_bytes()[:16]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_other_names_are_refused(tmp_path):
    with pytest.raises(UserError, match=".mp4 or .gif"), video(tmp_path / "a.avi"):
        pass


def test_no_path_no_video():
    with video(None) as write:
        assert write is None


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), video(Path(tmp_path / "a.mp4")) as write:
        write(np.zeros((64, 96, 3), np.uint8))
        raise RuntimeError
    assert not list(tmp_path.iterdir())
