"""The house's rules that a machine can check."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("animate", "pose", "temporal")
LONGEST_FILE = 400  # lines; the plan says about 250

# What a package must never import, whatever the way there.
FORBIDDEN = {
    "pose": {"animate", "temporal", "torch", "diffusers", "transformers"},
    "temporal": {"animate", "pose", "cv2", "decord", "PIL"},
}
# Inside animate: a module of the left kind must not import one of the right kind.
INNER_FORBIDDEN = {
    "config": {"api", "cli", "load", "pipelines", "video", "training"},
    "errors": {"api", "cli", "config", "load", "pipelines", "video", "training"},
    "video": {"api", "cli", "load", "pipelines", "training"},
    "load": {"api", "cli", "commands", "training"},
    "pipelines": {"api", "cli", "commands", "load", "training"},
    "judge": {"api", "cli", "commands", "load", "training"},
    "api": {"cli", "commands", "training"},
}
HEAVY = ("torch", "diffusers", "transformers", "cv2", "mediapipe", "decord", "numpy", "PIL", "rich")


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything a file imports, also inside functions."""
    folders = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = folders[: len(folders) + 1 - node.level] if node.level else ()
            home = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{home}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_packages_import_in_one_direction(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(package)
        for name in imports(path)
        if name.split(".")[0] in FORBIDDEN[package]
    ]
    assert not wrong


@pytest.mark.parametrize("inner", sorted(INNER_FORBIDDEN))
def test_modules_of_animate_import_in_one_direction(inner: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules("animate")
        if path.relative_to(ROOT / "animate").with_suffix("").parts[0] == inner
        for name in imports(path)
        if name.startswith("animate.") and name.split(".")[1] in INNER_FORBIDDEN[inner]
    ]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_every_export_exists(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_files_stay_readable(package: str) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in modules(package)}
    assert not {str(path): n for path, n in lengths.items() if n > LONGEST_FILE}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_says_what_it_is_for(package: str) -> None:
    silent = [str(p) for p in modules(package) if not ast.get_docstring(ast.parse(p.read_text()))]
    assert not silent


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from animate.cli import main; main(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, animate; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
