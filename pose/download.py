"""A file from the network: resumed where it stopped, checked, and complete or not there."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose.errors import ModelFetchError

Progress = Callable[[int, int], None]  # (bytes done, bytes in all; 0 if unknown)

TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 4  # for each address; every one goes on where the one before stopped
CHUNK = 1 << 18  # bytes
PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP answers that may be different next time
UNREACHABLE = (socket.gaierror, ConnectionRefusedError)  # no network, or nobody there


class _Unfinished(Exception):
    """The transfer stopped for a reason that may pass."""


class _Refused(Exception):
    """The server will not give the file."""


@dataclass(frozen=True)
class _Source:
    """One address and what is known of the file there."""

    url: str
    size: int | None
    timeout: float
    progress: Progress | None


def download(
    urls: Sequence[str],
    path: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    timeout: float = TIMEOUT,
    pause: float = 1.0,
) -> None:
    """Fetch `path` from the first address that has it.

    Until it is complete it is PATH.part, which a later call goes on with if the server still has
    the same file. A checksum, the given one or the server's own, must hold. pause: seconds before
    the second attempt, doubled for each further one. Proxies are those of the environment.
    Raises ModelFetchError.
    """
    complaints = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for url in urls:
            try:
                stated = _persist(_Source(url, size, timeout, progress), _part(path), pause)
            except (_Unfinished, _Refused) as error:
                complaints.append(f"{url}: {error}")
                continue
            _accept(_part(path), path, ("sha256", sha256) if sha256 else stated, url)
            return
    except OSError as error:
        raise ModelFetchError(f"cannot write {path}: {error.strerror or error}") from error
    part = _part(path)
    kept = f"; what came is kept in {part}, another try goes on there" if part.exists() else ""
    raise ModelFetchError(f"cannot fetch {path.name}: {'; '.join(complaints)}{kept}")


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """The digest of a file's bytes in hexadecimal."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _note(part: Path) -> Path:
    """The file that says of which version `part` is a part."""
    return part.with_name(part.name + ".version")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _accept(part: Path, path: Path, known: tuple[str, str] | None, url: str) -> None:
    """Give a complete file its name, or delete it if it is not the one that was promised."""
    if known is not None:
        algorithm, expected = known
        found = file_digest(part, algorithm)
        if found != expected:
            _discard(part)
            raise ModelFetchError(
                f"{path.name} from {url} is not the right file: expected {algorithm} {expected}, "
                f"got {found}; it was deleted, fetch it again"
            )
    os.replace(part, path)
    _note(part).unlink(missing_ok=True)


def _persist(source: _Source, part: Path, pause: float) -> tuple[str, str] | None:
    """Complete `part` in several attempts; the server's checksum, if it states one."""
    for attempt in range(ATTEMPTS):
        try:
            return _transfer(source, part)
        except _Unfinished:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(pause * 2**attempt)
    raise AssertionError("unreachable")


def _transfer(source: _Source, part: Path) -> tuple[str, str] | None:
    """Complete `part` in one attempt; the server's checksum, if it states one."""
    version = _note(part).read_text() if part.exists() and _note(part).exists() else ""
    have = part.stat().st_size if version else 0
    redirects = _Redirects()
    with _ask(source, redirects, have) as answer:
        tag = redirects.tag or answer.headers.get("ETag", "")
        here = tag or answer.headers.get("Last-Modified", "")
        if answer.status == 206 and (here != version or _start(answer) != have):
            _discard(part)
            raise _Unfinished("the file there has changed meanwhile")
        have = have if answer.status == 206 else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else 0
        if source.size and total and total != source.size:
            raise _Refused(f"expected {source.size} bytes, it has {total}")
        _check_room(part, total - have)
        _note(part).write_text(here)
        _copy(answer, part, have, total, source.progress)
        return _stated_checksum(tag, answer.headers.get_all("x-goog-hash", []))


def _ask(source: _Source, redirects: _Redirects, have: int) -> Any:
    """The server's answer to the request for everything behind the first `have` bytes."""
    headers = {"User-Agent": "animate", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(source.url, headers=headers)
    try:
        return urllib.request.build_opener(redirects).open(request, timeout=source.timeout)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # more is here than there: ask for all of it
            return _ask(source, redirects, 0)
        kind = _Unfinished if error.code in PASSING else _Refused
        raise kind(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        unreachable = isinstance(getattr(error, "reason", None), UNREACHABLE)
        raise (_Refused if unreachable else _Unfinished)(_reason(error)) from error


def _copy(answer: Any, part: Path, have: int, total: int, progress: Progress | None) -> None:
    """Write the answer's bytes behind the first `have` of `part`."""
    with part.open("ab" if have else "wb") as file:
        while True:
            try:
                block = answer.read(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _Unfinished(f"the transfer broke off: {_reason(error)}") from error
            if not block:
                break
            file.write(block)
            have += len(block)
            if progress:
                progress(have, total)
    if have < total:
        raise _Unfinished(f"the transfer broke off after {have} of {total} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects and keeps the file's own tag, which the Hugging Face Hub sends with
    the first of them; the store behind it has tags of its own."""

    tag = ""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        self.tag = headers.get("X-Linked-Etag") or self.tag
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _stated_checksum(tag: str, google: list[str]) -> tuple[str, str] | None:
    """The checksum in an answer.

    The Hugging Face Hub's tag of a large file is its SHA-256 (huggingface_hub relies on it too);
    Google's storage states an MD5 (cloud.google.com/storage/docs/hashes-etags).
    """
    if match := re.fullmatch(r'(?:W/)?"?([0-9a-f]{64})"?', tag):
        return "sha256", match[1]
    if match := re.search(r"md5=([\w+/]{22}==)", ",".join(google)):
        return "md5", base64.b64decode(match[1]).hex()
    return None


def _start(answer: Any) -> int:
    """The first byte's place in the whole file, of an answer that is a part of it."""
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(match[1]) if match else -1


def _check_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise ModelFetchError(
            f"{part.parent} has {free >> 20} MB free, {needed >> 20} MB are needed: make room, or "
            "name another folder in ANIMATE_MODELS"
        )


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
