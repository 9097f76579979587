"""Diffusion models: where they lie, and fetching them from a hub that this test serves."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from animate import hub
from animate.errors import ModelError
from animate.releases import CONTROL, CONTROL_FOLDER, MODELS, SVD, Release

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ENCODER = f"{CONTROL_FOLDER}/controlnet.safetensors"
UNET = f"{CONTROL_FOLDER}/unet.safetensors"
FETCH = (
    "import sys; from animate import hub\n"
    "told = []\n"
    "try: print(hub.fetch(sys.argv[1], progress=lambda *n: told.append(n))[0]); print(told[-1:])\n"
    "except Exception as error: print(type(error).__name__, error)"
)


class Shop(ThreadingHTTPServer):
    """As much of the Hub as its client asks for: a tree of files, and the files."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Counter)
        self.files: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.broken = False  # send half of what is large, and then nothing more of it
        self.asked: list[tuple[str, str, str | None]] = []


class Counter(BaseHTTPRequestHandler):
    """Serves one request of the Hub's client."""

    server: Shop

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.server.asked.append((self.command, path, self.headers.get("Range")))
        kind, repository, name = self._parse(path)
        files = self.server.files.get(repository)
        if repository in self.server.gated:
            self._say(b"", 403, {"X-Error-Code": "GatedRepo"})
        elif files is None or (kind == "file" and name not in files):
            code = "RepoNotFound" if files is None else "EntryNotFound"
            self._say(b"", 404, {"X-Error-Code": code})
        elif kind == "tree":
            entries = [
                {"type": "file", "path": k, "size": len(v), "oid": tag(v)} for k, v in files.items()
            ]
            self._say(json.dumps(entries).encode())
        elif kind == "about":
            siblings = [{"rfilename": key} for key in files]
            about = {"id": repository, "sha": COMMIT, "siblings": siblings}
            self._say(json.dumps(about).encode())
        else:
            self._send(files[name])

    def _parse(self, path: str) -> tuple[str, str, str]:
        words = path.split("/")
        if words[:2] == ["api", "models"]:
            return ("tree" if "tree" in words else "about"), "/".join(words[2:4]), ""
        return "file", "/".join(words[:2]), "/".join(words[4:])

    def _send(self, content: bytes) -> None:
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        head = {"ETag": f'"{tag(content)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if self.server.broken and start:
            self._say(b"", 404)
            return
        if start:
            head["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        half = self.server.broken and self.command == "GET" and len(content) > 1000
        self._say(content[start:], 206 if start else 200, head, half=half)

    def _say(
        self,
        body: bytes,
        status: int = 200,
        head: dict[str, str] | None = None,
        *,
        half: bool = False,
    ) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(head or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if half else body)
            self.close_connection = half

    def log_message(self, *_: Any) -> None:
        """Nothing on the tests' output."""


def tag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(name: str, home: Path, **environment: str) -> list[str]:
    """Fetch in a process of its own, as the client reads its environment once; what it says."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "ANIMATE_MODELS"))}
    environment = {**kept, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, name],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def fetch_from(shop: Shop, name: str, home: Path) -> list[str]:
    return fetch(name, home, HF_ENDPOINT=f"http://127.0.0.1:{shop.server_address[1]}")


def test_only_what_is_needed_is_fetched_and_progress_told(shop: Shop, tmp_path: Path) -> None:
    shop.files[CONTROL] = {
        ENCODER: b"e" * 1000,
        UNET: b"u" * 100_000,
        f"{CONTROL_FOLDER}/unet.bin": b"pickle",
        "ControlNeXt-SVD/v1/controlnet.safetensors": b"old",
    }
    place, told = fetch_from(shop, "svd-control", tmp_path)
    assert sorted(p.name for p in Path(place).iterdir()) == [
        "controlnet.safetensors",
        "unet.safetensors",
    ]
    assert Path(place, "unet.safetensors").read_bytes() == b"u" * 100_000
    assert told == "[(101000, 101000)]"
    requests = len(shop.asked)
    assert fetch_from(shop, "svd-control", tmp_path)[0] == place
    assert len(shop.asked) == requests


def test_a_stopped_fetch_keeps_whole_files(shop: Shop, tmp_path: Path) -> None:
    shop.files[CONTROL] = {ENCODER: b"e" * 1000, UNET: bytes(range(250)) * 1000}
    shop.broken = True
    (line,) = fetch_from(shop, "svd-control", tmp_path)
    assert line.startswith("ModelError cannot fetch svd-control")
    shop.broken = False
    shop.asked.clear()
    place, _ = fetch_from(shop, "svd-control", tmp_path)
    assert Path(place, "unet.safetensors").read_bytes() == shop.files[CONTROL][UNET]
    got = [path for word, path, _ in shop.asked if word == "GET" and "resolve" in path]
    assert [Path(path).name for path in got] == ["unet.safetensors"]  # the encoder was kept


def test_a_hub_with_pickles_alone_is_told(shop: Shop, tmp_path: Path) -> None:
    shop.files[CONTROL] = {f"{CONTROL_FOLDER}/{n}.bin": b"pickle" for n in ("controlnet", "unet")}
    (line,) = fetch_from(shop, "svd-control", tmp_path)
    assert "controlnet.safetensors is neither there" in line
    assert "--allow-pickle" in line
    assert not list(tmp_path.rglob("*.bin"))


def test_a_gated_model_tells_the_steps(shop: Shop, tmp_path: Path) -> None:
    shop.files[SVD] = {}
    shop.gated.add(SVD)
    (line,) = fetch_from(shop, "svd-base", tmp_path)
    assert line.startswith("ModelError cannot fetch svd-base: the Hub refuses it; first accept")
    assert line.endswith(f"{SVD}, then run `hf auth login`")


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "http://127.0.0.1:9/stabilityai/"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids the network"),
    ],
)
def test_no_network_is_one_line(environment: dict[str, str], told: str, tmp_path: Path) -> None:
    (line,) = fetch("svd-base", tmp_path, **environment)
    assert line.startswith("ModelError cannot fetch svd-base: ")
    assert told in line


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without models; the folder for them."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("ANIMATE_MODELS", str(tmp_path / "models"))
    return tmp_path


def put(folder: Path, release: Release, *, last: bool = True) -> None:
    for choices in release.required if last else release.required[:-1]:
        path = folder / choices[-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("release", MODELS, ids=lambda release: release.name)
def test_a_model_is_found_when_it_is_complete(home: Path, release: Release) -> None:
    folder = home / "models" / release.repository.split("/")[1]
    assert hub.locate(release.name) is None
    put(folder, release, last=False)
    assert hub.locate(release.name) is None
    put(folder, release)
    assert hub.locate(release.name) == folder / release.main
    assert hub.locate(release.name, home / "models") == folder / release.main
    assert hub.locate(release.name, home) is None


def test_links_to_what_is_gone_do_not_count(home: Path) -> None:
    release = next(release for release in MODELS if release.name == "animatelcm-svd")
    folder = home / "hub" / f"models--{release.repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    blob = folder / "blob"
    blob.touch()
    (snapshot / release.main).symlink_to(blob)
    assert hub.locate("animatelcm-svd") == snapshot / release.main
    blob.unlink()
    assert hub.locate("animatelcm-svd") is None


def test_nothing_pickled_is_ever_asked_for() -> None:
    patterns = [pattern for release in MODELS for pattern in release.patterns]
    assert all(pattern.endswith((".json", ".safetensors")) for pattern in patterns)


def test_unknown_models_list_the_known_ones() -> None:
    with pytest.raises(ModelError, match="unknown model 'x'; known: svd, svd-base"):
        hub.fetch("x")
