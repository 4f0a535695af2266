"""The repository as a whole: what is pinned, what may import what, and that importing stays cheap."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "wmlib"

# Each name may import itself, the names before it, and nothing after it.
LAYERS = (
    {"errors", "__init__", "stats"},
    {"settings", "presets"},
    {"groups"},
    {"config", "seeds", "progress", "quiet"},
    {"runs", "metrics", "video"},
    {"envs", "data", "models", "search"},
    {"rollout"},
    {"stages", "report", "notebooks", "play", "film", "bench", "analysis", "compare"},
    {"cli", "__main__"},
)
# Crossings that are part of the design, each with its reason.
ALLOWED = {
    ("report", "cli"): "the reference page is made from the parser",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def top(path: Path) -> str:
    """First name below wmlib: ``envs`` for wmlib/envs/carracing.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Full names that a module imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(name: str) -> int:
    return next(index for index, names in enumerate(LAYERS) if name in names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    here = top(path)
    for name in imported(path):
        if name.startswith("wmlib."):
            there = name.split(".")[1]
            if (PACKAGE / there).exists() or (PACKAGE / f"{there}.py").exists():
                crossing = (here, there) in ALLOWED
                assert crossing or layer(there) <= layer(here), f"{here} must not import {there}"


def test_every_module_has_a_layer():
    known = set().union(*LAYERS)
    assert {top(path) for path in modules()} <= known


@pytest.mark.parametrize("name", ["wmlib", "wmlib.cli", "wmlib.config", "wmlib.runs", "wmlib.report"])
def test_light_modules_import_nothing_heavy(name):
    code = f"import sys, {name}; print([m for m in ('tensorflow', 'keras', 'numba', 'gymnasium') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_report_never_imports_tensorflow():
    files = sorted((PACKAGE / "report").glob("*.py"))
    names = ", ".join(f"wmlib.report.{path.stem}" for path in files if not path.stem.startswith("_"))
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
    project = (PACKAGE / "__init__.py").read_text()
    assert f'__version__ = "{citation["version"]}"' in project
