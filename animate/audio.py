"""The soundtrack: which part of the driving video's sound goes into the result.

ffmpeg (from imageio-ffmpeg) cuts and encodes it in the very run that encodes the pictures. moviepy
would decode the sound in Python and need a second pass over the finished file.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pose import ffmpeg

AUDIO_CODEC = ("-c:a", "aac", "-b:a", "160k")  # plays everywhere that H.264 in mp4 does
_FILE_BEGIN = re.compile(r"^\s*Duration: .*\bstart: (-?[\d.]+)", re.MULTILINE)
_FILM_STREAM = re.compile(r"^\s*Stream #.*: Video: .*$", re.MULTILINE)
_STREAM_BEGIN = re.compile(r", start (-?[\d.]+)")
_AUDIO_STREAM = re.compile(r"^\s*Stream #.*: Audio:", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Soundtrack:
    """The sound of `source` for `duration` seconds; silence is no error.

    start: seconds after the first picture.
    """

    source: Path
    start: float = 0.0
    duration: float

    def input_arguments(self) -> list[str]:
        """ffmpeg arguments that open the sound as the next input."""
        begin = self.start + picture_delay(self.source)
        return ["-ss", f"{begin:.6f}", "-t", f"{self.duration:.6f}", "-i", f"file:{self.source}"]

    def output_arguments(self) -> list[str]:
        """ffmpeg arguments that map the sound of input 1, if there is any, into the result."""
        return ["-map", "1:a:0?", *AUDIO_CODEC]


def has_audio(path: Path) -> bool:
    """Whether the file has a sound track that ffmpeg recognises."""
    return bool(_AUDIO_STREAM.search(_listing(path)))


def picture_delay(path: Path) -> float:
    """Seconds of sound before the first picture, as recorders and cuts without encoding leave it.

    ffmpeg counts from where the file begins. 0 where it does not say otherwise.
    """
    listing = _listing(path)
    begin = _FILE_BEGIN.search(listing)
    films = (line for line in _FILM_STREAM.findall(listing) if "attached pic" not in line)
    picture = _STREAM_BEGIN.search(next(films, ""))
    if begin is None or picture is None:
        return 0.0
    return max(0.0, float(picture[1]) - float(begin[1]))


def _listing(path: Path) -> str:
    """What ffmpeg tells of a file."""
    told = subprocess.run(
        [ffmpeg.program(), "-hide_banner", "-i", f"file:{path}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return told.stderr
