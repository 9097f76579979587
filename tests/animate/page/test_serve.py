"""Serving: who is let in, what is told, what is left behind."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from animate.errors import AnimateError, UsageError
from animate.page.serve import Serving, serve

pytest.importorskip("gradio")


def get(url: str, path: str) -> int:
    """The status of an answer."""
    host = url.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    said: list[str] = []
    found: list[int] = []

    def look() -> None:
        url = said[0].split()[3]
        found.extend(get(url, path) for path in ("/config", "/gradio_api/info"))

    asked = Serving(auth=("me", "secret"), results=tmp_path / "results")
    serve(asked, said.append, wait=look)
    assert found == [401, 401]


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = dict(os.environ)

    def interrupted() -> None:
        assert any(tmp_path.glob("animate-page-*"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve(Serving(results=tmp_path / "results"), lambda line: None, wait=interrupted)
    assert list(tmp_path.iterdir()) == []
    assert dict(os.environ) == before


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AnimateError, match=rf"port {port}.*choose another with --port"):
            serve(Serving(port=port, results=tmp_path), lambda line: None, wait=lambda: None)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.1.4", False),
        ("my-machine", False),
    ],
)
def test_who_can_reach_it_is_known(host: str, local: bool) -> None:
    assert Serving(host=host).is_local is local


@pytest.mark.parametrize(
    "wrong", [{"port": 70_000}, {"upload": 0}, {"models": ("nowhere",)}, {"still_models": ("svd",)}]
)
def test_what_cannot_be_served_is_told_before_it_is(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Serving(**wrong)


def test_without_gradio_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "gradio.py").write_text("raise ImportError('not here')")
    ran = subprocess.run(
        [sys.executable, "-m", "animate", "page"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        timeout=120,
    )
    assert ran.returncode == 2
    assert "pip install 'animate-controlnext[page]'" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
