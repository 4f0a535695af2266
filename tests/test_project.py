"""The repository as a whole: what is pinned, what may import what, and that importing stays cheap."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"wmlib": ROOT / "wmlib", "wmbook": ROOT / "book" / "wmbook"}
# The rooms of each package, from the ground up. A file may import its own room and those before it; rooms on one line
# know nothing of each other.
FLOORS = {
    "wmlib": (
        ("errors", "stats", "compiled", "__init__"),
        ("seeds", "config", "runs", "simulator", "kernels"),
        ("data", "models", "search"),
        ("envs",),
        ("rollout",),
        ("stages",),
        ("watch", "options"),
        ("cli",),
        ("__main__",),
    ),
    "wmbook": (
        ("records", "lessons", "__init__"),
        ("show",),
        ("analysis", "bench", "compare"),
        ("press",),
        ("cli",),
        ("__main__",),
    ),
}


def modules() -> dict[str, Path]:
    """Dotted name of every module of both packages."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)] = path
    return found


MODULES = modules()


def imported(path: Path) -> set[str]:
    """Modules of ours that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else node.module for name in full}
    return {"wmlib.__init__" if name == "wmlib" else name for name in names if name.split(".")[0] in PACKAGES}


GRAPH = {name: imported(path) - {name} for name, path in MODULES.items()}


def room(name: str) -> tuple[str, str]:
    """Package and room of a module: the first name below the package."""
    package, first, *_ = name.split(".")
    return package, first


def floor(name: str) -> int:
    """How high a module's room lies; everything of wmbook lies above wmlib."""
    package, first = room(name)
    height = next(number for number, rooms in enumerate(FLOORS[package]) if first in rooms)
    return height + (len(FLOORS["wmlib"]) if package == "wmbook" else 0)


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_one_way(name):
    for there in GRAPH[name]:
        assert there in MODULES, f"{name} imports {there}, which is not there"
        assert room(there) == room(name) or floor(there) < floor(name), f"{name} must not import {there}"


def test_no_circle_not_even_inside_a_room():
    done, path = set(), []

    def visit(name: str) -> None:
        assert name not in path, f"circle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            path.append(name)
            for there in sorted(GRAPH[name]):
                visit(there)
            done.add(path.pop())

    for name in MODULES:
        visit(name)


def test_csv_files_are_parsed_in_two_places():
    """A stage's tables by their columns' types, the book's records as text; who needs rows asks one of them."""
    parsers = {name for name, path in MODULES.items() if re.search(r"csv\.(Dict)?[Rr]eader", path.read_text())}
    assert parsers == {"wmlib.runs.files", "wmbook.records.records"}


def test_every_room_has_its_floor():
    assert {room(name) for name in MODULES} == {
        (p, r) for p, floors in FLOORS.items() for rooms in floors for r in rooms
    }


@pytest.mark.parametrize("name", ["wmlib", "wmlib.cli", "wmlib.config", "wmlib.runs", "wmbook.show"])
def test_light_modules_import_nothing_heavy(name):
    code = f"import sys, {name}; print([m for m in ('tensorflow', 'keras', 'numba', 'gymnasium') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_draws_records_never_imports_tensorflow():
    names = ", ".join(
        name for name in MODULES if room(name)[1] in ("records", "show") and name != "wmbook.records.publish"
    )
    code = f"import sys, {names}; print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_lock_pins_everything_with_hashes_and_names_no_index():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"--(extra-)?index-url|--find-links|--trusted-host|file:|https?:|/opt/|@ ", text)
    pins = re.split(r"\n(?=[a-z0-9])", "\n" + text)[1:]
    assert len(pins) > 100
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+==\S+", pin), pin.splitlines()[0]
        assert "--hash=sha256:" in pin, pin.splitlines()[0]


def test_lock_satisfies_the_declared_dependencies():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {canonicalize_name(n): v for n, v in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lock, re.MULTILINE)}
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["book"], *extras["dev"]]:
        requirement = Requirement(line)
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{line}: the lock has {version}"


def test_gymnasium_is_the_version_whose_lap_rule_is_the_papers():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "gymnasium[box2d]==1.4.0" in project["dependencies"]


def test_nothing_names_this_machine():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    places = [re.escape(p) for p in ("/" + "work/", "/" + "root/", ".." + "/shared", "pypi" + ".org")]
    pattern = re.compile("|".join(places))
    for name in files:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".yml", ".lock", ".ipynb", ".json", ".csv", "") and path.is_file():
            found = pattern.search(path.read_text(encoding="utf-8", errors="ignore"))
            assert not found, f"{name}: {found.group()}"


def test_readme_links_and_pictures_exist():
    text = (ROOT / "README.md").read_text()
    targets = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    local = [target for target in targets if "://" not in target]
    assert local
    for target in local:
        assert (ROOT / target).exists(), target


def test_citation_file_has_what_the_format_requires():
    import yaml

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"] and citation["title"] and citation["authors"]
    project = (PACKAGES["wmlib"] / "__init__.py").read_text()
    assert f'__version__ = "{citation["version"]}"' in project
