from __future__ import annotations

import base64
import hashlib
import random
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pose.download import ATTEMPTS, download, file_digest
from pose.errors import ModelFetchError

CONTENT = random.Random(0).randbytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Shelf:
    """What a real server on this machine serves, and what it was asked for.

    cuts: for the coming answers, the number of bytes after which the connection breaks.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shelf.asked.append((self.path, self.headers.get("Range")))
            if self.path in shelf.redirects:
                place, headers = shelf.redirects[self.path]
                self._start(302, {"Location": place, "Content-Length": "0", **headers})
            elif self.path not in shelf.files:
                self.send_error(404)
            else:
                self._send(shelf.files[self.path])

        def _send(self, content: bytes) -> None:
            match = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(match[1]) if match and shelf.ranges else 0
            if start >= len(content) and start:
                self.send_error(416)
                return
            part = content[start:]
            headers = {"Content-Length": str(len(part)), **shelf.headers}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._start(206 if start else 200, headers)
            self.wfile.write(part[: shelf.cuts.pop(0)] if shelf.cuts else part)

        def _start(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield shelf
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models" / "model.onnx"


@pytest.fixture
def url(shelf: Shelf) -> str:
    shelf.files["/model"] = CONTENT
    shelf.headers["ETag"] = '"first"'
    return f"{shelf.url}/model"


def test_a_file_arrives_whole_and_alone(url: str, path: Path) -> None:
    steps: list[tuple[int, int]] = []
    download([url], path, sha256=SHA256, progress=lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    assert left(path.parent) == ["model.onnx"]
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert steps == sorted(steps)


def test_a_broken_transfer_goes_on_where_it_stopped(shelf: Shelf, url: str, path: Path) -> None:
    shelf.cuts = [300_000, 200_000]
    download([url], path, sha256=SHA256, pause=0)
    assert path.read_bytes() == CONTENT
    assert [asked for _, asked in shelf.asked] == [None, "bytes=300000-", "bytes=500000-"]


def test_a_later_call_goes_on_too(shelf: Shelf, url: str, path: Path) -> None:
    shelf.cuts = [100_000] * ATTEMPTS
    with pytest.raises(
        ModelFetchError, match=r"broke off after 400000 of 1000000.*model.onnx.part"
    ):
        download([url], path, pause=0)
    assert "model.onnx" not in left(path.parent)
    download([url], path, pause=0)
    assert shelf.asked[-1][1] == "bytes=400000-"
    assert path.read_bytes() == CONTENT


def test_a_changed_file_is_fetched_anew(shelf: Shelf, url: str, path: Path) -> None:
    shelf.cuts = [100_000] * ATTEMPTS
    with pytest.raises(ModelFetchError):
        download([url], path, pause=0)
    shelf.files["/model"], shelf.headers["ETag"] = CONTENT[::-1], '"second"'
    download([url], path, pause=0)
    assert path.read_bytes() == CONTENT[::-1]


def test_without_ranges_it_starts_again(shelf: Shelf, url: str, path: Path) -> None:
    shelf.cuts, shelf.ranges = [600_000], False
    download([url], path, sha256=SHA256, pause=0)
    assert path.read_bytes() == CONTENT


def test_without_a_tag_nothing_is_stuck_together(shelf: Shelf, url: str, path: Path) -> None:
    shelf.cuts = [600_000]
    del shelf.headers["ETag"]
    download([url], path, pause=0)
    assert [asked for _, asked in shelf.asked] == [None, None]
    assert path.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_dropped(shelf: Shelf, url: str, path: Path) -> None:
    shelf.cuts = [900_000] + [0] * (ATTEMPTS - 1)
    with pytest.raises(ModelFetchError):
        download([url], path, pause=0)
    shelf.files["/model"], shelf.cuts = CONTENT[:1000], []
    download([url], path, pause=0)
    assert path.read_bytes() == CONTENT[:1000]


def test_a_wrong_checksum_leaves_nothing(url: str, path: Path) -> None:
    with pytest.raises(ModelFetchError, match=f"expected sha256 {'0' * 64}, got {SHA256}"):
        download([url], path, sha256="0" * 64)
    assert left(path.parent) == []


def test_a_wrong_size_is_told_before_the_transfer(shelf: Shelf, url: str, path: Path) -> None:
    with pytest.raises(ModelFetchError, match="expected 5 bytes, it has 1000000"):
        download([url], path, size=5)
    assert left(path.parent) == []


@pytest.mark.parametrize(
    "stated",
    [
        {"ETag": '"' + "1" * 64 + '"'},
        {"x-goog-hash": "crc32c=AAAAAA==,md5=" + base64.b64encode(bytes(16)).decode()},
    ],
)
def test_the_servers_own_checksum_counts(
    shelf: Shelf, url: str, path: Path, stated: dict[str, str]
) -> None:
    shelf.headers = stated
    with pytest.raises(ModelFetchError, match="not the right file"):
        download([url], path)
    assert left(path.parent) == []


def test_the_hubs_tag_comes_with_the_redirect(shelf: Shelf, url: str, path: Path) -> None:
    shelf.redirects["/hub"] = (url, {"X-Linked-Etag": f'"{SHA256}"'})
    shelf.cuts = [300_000]
    download([f"{shelf.url}/hub"], path, pause=0)
    assert ("/model", "bytes=300000-") in shelf.asked
    shelf.redirects["/hub"] = (url, {"X-Linked-Etag": '"' + "1" * 64 + '"'})
    with pytest.raises(ModelFetchError, match="not the right file"):
        download([f"{shelf.url}/hub"], path)


def test_the_next_address_is_tried(shelf: Shelf, url: str, path: Path) -> None:
    download([f"{shelf.url}/gone", url], path)
    assert path.read_bytes() == CONTENT
    assert len(shelf.asked) == 2


def test_nobody_there_is_one_line(path: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/model"
        with pytest.raises(ModelFetchError) as caught:
            download([address], path)
    assert str(caught.value) == f"cannot fetch model.onnx: {address}: Connection refused"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, url: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelFetchError, match="cannot write"):
        download([url], tmp_path / "file" / "model.onnx")


def test_digests_are_those_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    assert file_digest(tmp_path / "file") == SHA256
