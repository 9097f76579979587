"""Films whose container cannot be counted, copied without loss into one that can.

What a browser records has no length in it, a transport stream no list of its frames, an AVI that
was never finished a wrong one, and one whose frames build on later ones no times for them. ffmpeg
writes the same compressed frames into Matroska.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pose.ffmpeg import program
from pose.sniff import first_bytes, is_transport_stream, is_video

# Clocks that start anywhere are made to start at zero; missing ones are made up.
READING = ("-fflags", "+genpts")
WRITING = ("-map", "0:v:0", "-c", "copy", "-avoid_negative_ts", "make_zero", "-f", "matroska")


@dataclass(frozen=True, eq=False)
class Copy:
    """A copy in a folder of its own, which goes when nobody holds this any more."""

    file: Path
    folder: tempfile.TemporaryDirectory[str]


def repack(path: Path) -> Copy | None:
    """A copy of a film's picture track, or None if it is no film or nothing of it can be copied."""
    head = first_bytes(path)
    if not (is_video(head) or is_transport_stream(head)):
        return None
    folder = tempfile.TemporaryDirectory(prefix="animate-film-")
    copy = Copy(Path(folder.name) / "copy.mkv", folder)
    command = [program(), "-v", "quiet", "-nostdin", *READING, "-i", f"file:{path}", *WRITING]
    try:
        done = subprocess.run([*command, str(copy.file)], stdin=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    whole = done.returncode == 0 and copy.file.is_file() and copy.file.stat().st_size > 0
    return copy if whole else None
