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
_AUDIO_STREAM = re.compile(r"^\s*Stream #.*: Audio:", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Soundtrack:
    """The sound of `source` from `start` on, for `duration` seconds; silence is no error."""

    source: Path
    start: float = 0.0
    duration: float

    def input_arguments(self) -> list[str]:
        """ffmpeg arguments that open the sound as the next input."""
        return ["-ss", f"{self.start:.6f}", "-t", f"{self.duration:.6f}", "-i", str(self.source)]

    def output_arguments(self) -> list[str]:
        """ffmpeg arguments that map the sound of input 1, if there is any, into the result."""
        return ["-map", "1:a:0?", *AUDIO_CODEC]


def has_audio(path: Path) -> bool:
    """Whether the file has a sound track that ffmpeg recognises."""
    listing = subprocess.run(
        [ffmpeg.program(), "-hide_banner", "-i", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return bool(_AUDIO_STREAM.search(listing.stderr))
