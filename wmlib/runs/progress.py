"""Progress of long work: a bar with rate and ETA on a terminal, a plain line every few seconds otherwise."""

import sys
import time

LINE_EVERY = 5.0  # seconds between plain lines


class Progress:
    """``with Progress("encode", total=500, unit="rollouts") as progress: progress.advance()``."""

    def __init__(self, title: str, total: int, unit: str = "steps", start: int = 0, stream=None):
        self.title, self.total, self.unit, self.count, self.start = title, total, unit, start, start
        self.stream = stream or sys.stderr
        self.began = self.printed = time.monotonic()
        self.bar = None
        if self.stream.isatty():
            from tqdm import tqdm

            self.bar = tqdm(
                total=total, initial=start, desc=title, unit=f" {unit}", file=self.stream, dynamic_ncols=True
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
        else:
            self._line()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count finished work; ``note`` is a short key figure shown beside it."""
        self.count += count
        if self.bar is not None:
            if note:
                self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(count)
        elif time.monotonic() - self.printed >= LINE_EVERY:
            self._line(note)

    def _line(self, note: str = "") -> None:
        self.printed = time.monotonic()
        seconds = self.printed - self.began
        rate = (self.count - self.start) / seconds if seconds > 0 else 0.0
        left = (self.total - self.count) / rate if rate > 0 else float("nan")
        eta = f", {left:.0f} s left" if self.count < self.total and rate > 0 else ""
        text = f"{self.title}: {self.count}/{self.total} {self.unit}, {rate:.4g}/s{eta}"
        print(text + (f", {note}" if note else ""), file=self.stream, flush=True)
