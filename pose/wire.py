"""Messages between processes that share a video: a line of JSON, then its arrays as npy.

Nothing is pickled, so that a process never runs what it is sent.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Message:
    """kind says what it is about, facts are its named values, arrays follow in order."""

    kind: str
    facts: dict[str, Any]
    arrays: tuple[NDArray[Any], ...]


def send(stream: IO[bytes], kind: str, *arrays: NDArray[Any], **facts: Any) -> None:
    """Write one message; facts must be values that JSON knows. Raises OSError."""
    body = io.BytesIO()
    for array in arrays:
        np.save(body, array, allow_pickle=False)
    head = json.dumps([kind, facts, body.tell()])
    stream.write(head.encode() + b"\n" + body.getvalue())
    stream.flush()


def receive(stream: IO[bytes]) -> Message | None:
    """The next message; None if the other side has ended, even in the middle of one."""
    try:
        head = stream.readline()
        if not head.endswith(b"\n"):
            return None
        kind, facts, size = json.loads(head)
        content = stream.read(size)
    except OSError:
        return None
    if len(content) < size:
        return None
    body, arrays = io.BytesIO(content), []
    while body.tell() < size:
        arrays.append(np.load(body, allow_pickle=False))
    return Message(kind, facts, tuple(arrays))
