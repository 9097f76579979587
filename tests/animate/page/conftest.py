"""A page that is being served, and a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing of its own shall go out to the network.
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


@dataclass(frozen=True)
class Served:
    """A page: where it is, and where its results go."""

    url: str
    results: Path


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The command, serving this machine."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("page")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not below the folder that the page runs in, nor the one for temporary files.
    results, own = tmp_path_factory.mktemp("kept") / "results", folder / "temporary"
    own.mkdir()
    command = [
        sys.executable, "-m", "animate", "page", "--port", str(port), "--upload", "20",
        "--results", str(results),
    ]  # fmt: skip
    # Anywhere but in the checkout, so that nothing is served because it lies here.
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "TMPDIR": str(own),
        },
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Animate is at http://127.0.0.1:"), line
        yield Served(line.split()[3], results)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    pytest.importorskip("playwright")
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("needs Chromium: apt install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """The page in a fresh browser; it must ask nobody else for anything, and report no error."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(served.url)
    page.wait_for_selector("#animate-start")
    yield page
    context.close()
    own = (served.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    assert wrong == []
