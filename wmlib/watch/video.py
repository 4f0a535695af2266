"""Writing frames to a video file: H.264 for pages (``.mp4``), a palette GIF for places that show nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from wmlib.errors import UserError
from wmlib.runs import atomic_path, check_writable

FRAMES_PER_SECOND = 50  # CarRacing's own time
GIF_FILTER = "fps=12.5,scale=iw/2:-2:flags=area,split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none"
ENCODINGS = {
    ".mp4": ("libx264", ["-movflags", "+faststart", "-f", "mp4"]),
    ".gif": ("gif", ["-filter_complex", GIF_FILTER, "-f", "gif"]),
}


def check_film(path: Path | None, option: str) -> None:
    """Raise :class:`UserError` that names ``option`` unless a film can be written there: before the work, not after."""
    check_writable(path, option)
    if path is not None and path.suffix not in ENCODINGS:
        raise UserError(f"{option} {path}: end the name in {' or '.join(ENCODINGS)}")


@contextmanager
def video(
    path: Path | None, rate: float = FRAMES_PER_SECOND, crf: int = 26
) -> Iterator[Callable[[np.ndarray], None] | None]:
    """Yield a function that appends a frame (height, width, 3) uint8, or None without a path.

    Args:
        rate: frames per second.
        crf: quality of ``.mp4``; a larger number makes a smaller file.

    Raises:
        UserError: a file name that is neither ``.mp4`` nor ``.gif``.
    """
    if path is None:
        yield None
        return
    check_film(path, "film")
    import imageio_ffmpeg

    codec, options = ENCODINGS[path.suffix]
    writer = None

    def write(frame: np.ndarray) -> None:
        nonlocal writer
        if writer is None:
            size = (frame.shape[1], frame.shape[0])
            quality = ["-crf", str(crf)] if codec == "libx264" else []
            pixels = "yuv420p" if codec == "libx264" else "pal8"
            writer = imageio_ffmpeg.write_frames(
                str(temporary),
                size,
                fps=rate,
                codec=codec,
                quality=None,
                pix_fmt_out=pixels,
                output_params=[*quality, *options],
                macro_block_size=2,
            )
            writer.send(None)
        writer.send(np.ascontiguousarray(frame))

    with atomic_path(path) as temporary:
        try:
            yield write
        finally:
            if writer is not None:
                writer.close()
        _check(temporary, path)


def _check(written: Path, path: Path) -> None:
    """Raise :class:`UserError` unless a player could read the film: ffmpeg's status is not handed on."""
    import imageio_ffmpeg

    try:
        frames = imageio_ffmpeg.count_frames_and_secs(str(written))[0] if written.exists() else 0
    except RuntimeError:
        frames = 0
    if not frames:
        raise UserError(f"{path}: no film came of it: too few frames (a .gif needs 5), or no space on the disk")
