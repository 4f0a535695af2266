"""The Dockerfile's steps without Docker: what .dockerignore leaves of a fresh clone, each RUN in a temporary folder.

Steps that need root (apt-get, useradd) are left out; Python is the one that runs this. Then the container's own
promises are tried: the revision in the provenance, a folder that may not be written, Jupyter's token.

    python docker/steps.py [FOLDER]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def instructions(text: str) -> list[tuple[str, str]]:
    """(word, rest) of every instruction, continued lines joined, comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return [tuple(line.split(maxsplit=1)) for line in lines.replace("\\\n", " ").splitlines() if line.strip()]


def copied(clone: Path, home: Path, rest: str) -> None:
    """COPY from the build's context, without what .dockerignore names."""
    *sources, target = [word for word in rest.split() if not word.startswith("--")]
    patterns = (clone / ".dockerignore").read_text().split()

    def ignored(folder: str, names: list[str]) -> list[str]:
        here = [p for p in patterns if "**/" in p or Path(folder) == clone]  # without **/ only at the root
        return [name for name in names if any(fnmatch(name, p.removeprefix("**/")) for p in here)]

    for source in sources:
        if (clone / source).is_dir():
            shutil.copytree(clone / source, home / target, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy(clone / source, home / target)


def build(home: Path, revision: str) -> dict[str, str]:
    """Carry the steps out in ``home``; the container's environment."""
    environment = {"HOME": str(home.parent), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_") or "CERT" in name}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), folder], check=True)
        for word, rest in instructions((Path(folder) / "docker" / "Dockerfile").read_text()):
            print(word, rest, flush=True)
            if word == "COPY":
                copied(Path(folder), home, rest)
            elif word == "ARG":
                environment.setdefault(rest, revision) if rest == "REVISION" else None
            elif word == "ENV":
                name, value = rest.replace("/home/user/wmlib", str(home)).split("=", 1)
                environment[name] = re.sub(r"\$(\w+)", lambda match: environment[match[1]], value)
            elif word == "RUN" and "useradd" not in rest:
                subprocess.run(["sh", "-c", rest], cwd=home, env=environment, check=True)
    return environment


def try_out(home: Path, environment: dict[str, str]) -> None:
    """What the image promises, each asserted."""

    def start(*words: str, **options):
        return subprocess.Popen(["sh", "docker/entrypoint.sh", *words], cwd=home, env=environment, text=True, **options)

    code = "from wmlib.runs import provenance; print(provenance()['git'])"
    said = start("python", "-c", code, stdout=subprocess.PIPE)
    assert said.communicate()[0].strip() == environment["WMLIB_REVISION"]
    if os.getuid():  # nothing is unwritable to root
        (home / "runs").chmod(0o555)
        refused = start("true", stderr=subprocess.PIPE)
        assert "--build-arg UID" in refused.communicate()[1] and refused.returncode == 2
        (home / "runs").chmod(0o755)
    shown = start("make", "-n", "reproduce", "SCALE=smoke", stdout=subprocess.PIPE).communicate()[0]
    assert "--path-output runs" in shown, "the book lies in the mounted folder"
    root = [] if os.getuid() else ["--allow-root"]  # the image has a user of its own
    server = start("jupyter", "lab", "--ip=127.0.0.1", "--port=8888", "--no-browser", *root, stderr=subprocess.PIPE)
    try:
        found = (re.search(r"127\.0\.0\.1:8888/lab\?token=(\w+)", line) for line in server.stderr)
        token = next(match[1] for match in found if match)
        time.sleep(2)
        assert urllib.request.urlopen(f"http://127.0.0.1:8888/api/contents?token={token}", timeout=60).status == 200
        try:
            urllib.request.urlopen("http://127.0.0.1:8888/api/contents", timeout=60)
            raise AssertionError("Jupyter answers without a token")
        except urllib.error.HTTPError as error:
            assert error.code == 403
    finally:
        server.terminate()
    board = start("tensorboard", "--logdir", "runs", "--host", "127.0.0.1", "--port", "6006", stderr=subprocess.PIPE)
    try:
        assert any("http://127.0.0.1:6006" in line for line in board.stderr)
    finally:
        board.terminate()
    print("all that the image promises holds, but for what needs an engine")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as spare:
        place = Path(sys.argv[1] if len(sys.argv) > 1 else spare).resolve() / "wmlib"
        place.mkdir(parents=True)
        name = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
        try_out(place, build(place, subprocess.run(name, check=True, capture_output=True, text=True).stdout.strip()))
