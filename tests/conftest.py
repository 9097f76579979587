"""Fixtures that more than one package's tests use."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of fixtures beside the repository; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the fixture folder {folder.name}/ beside the repository")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The sample clip and reference that the project ships."""
    return ROOT / "samples"
