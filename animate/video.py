"""Frames -> H.264 file, streamed: nothing is kept, and nothing half-written stays behind."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from animate.audio import Soundtrack
from animate.errors import OutputError
from animate.files import partial_path, settle
from pose import ffmpeg

# yuv420p plays everywhere; CRF 18 is visually close to lossless (x264's own scale).
VIDEO_CODEC = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-preset", "medium")
STDERR_TAIL = 300  # characters of ffmpeg's complaint that go into an error message
DISK_FULL = "No space left on device"  # in what ffmpeg says, whatever the user's language


class VideoWriter:
    """Encode (H, W, 3) uint8 RGB frames as they come; the file appears when all is well.

    size: (width, height) of the frames; odd sizes gain one repeated row or column, as yuv420p
    needs. Leaving the `with` block by an exception stops ffmpeg and removes what it wrote.
    Raises OutputError if ffmpeg fails.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: float,
        soundtrack: Soundtrack | None = None,
    ) -> None:
        self.path = path
        self.size = size
        self.frames = 0
        self._partial = partial_path(path)
        self._command = self._build_command(fps, soundtrack)
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None

    def __enter__(self) -> VideoWriter:
        # A file, not a pipe: nobody reads while frames are written. A session of its own: Ctrl-C
        # in the terminal reaches only us, and we stop ffmpeg in order.
        self._complaints = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            start_new_session=True,
        )
        return self

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Append one frame (H, W, 3)."""
        width, height = self.size
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            raise ValueError(
                f"expected a frame ({height}, {width}, 3) uint8, got {frame.shape} {frame.dtype}"
            )
        if width % 2 or height % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        try:
            self._pipe.write(np.ascontiguousarray(frame).data)
        except OSError as error:
            raise OutputError(f"{self.path}: ffmpeg stopped: {self._complaint()}") from error
        self.frames += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.finish()
                settle(self._partial, self.path)
        finally:
            self._discard()

    def finish(self) -> None:
        """Wait until the encoder has written all; leaving the `with` block gives it its name."""
        if not self.frames:
            raise OutputError(f"{self.path}: there is no frame to write")
        with contextlib.suppress(OSError):  # a dead ffmpeg shows in its return code
            self._pipe.close()
        if self._process is None or self._process.wait() != 0:
            raise OutputError(f"{self.path}: ffmpeg failed: {self._complaint()}")

    def _discard(self) -> None:
        """Stop ffmpeg if it still runs and remove the partial file if it is still there."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(OSError):
                self._pipe.close()
            self._process.wait()
        if self._complaints is not None:
            self._complaints.close()
        self._partial.unlink(missing_ok=True)

    @property
    def _pipe(self) -> IO[bytes]:
        if self._process is None or self._process.stdin is None:
            raise ValueError("use VideoWriter in a `with` block")
        return self._process.stdin

    def _complaint(self) -> str:
        if self._process is None or self._complaints is None:
            return "it did not start"
        code = self._process.wait()
        self._complaints.seek(0)
        text = " ".join(self._complaints.read().decode(errors="replace").split())
        if DISK_FULL in text:
            return f"{DISK_FULL}: make room, then run the same command again"
        if code < 0:
            return f"it was ended by {signal.Signals(-code).name}"
        return text[-STDERR_TAIL:] or "it gave no reason"

    def _build_command(self, fps: float, soundtrack: Soundtrack | None) -> list[str]:
        width, height = (side + side % 2 for side in self.size)
        command = [ffmpeg.program(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
        command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
        command += ["-r", f"{fps:.6f}", "-i", "pipe:0"]
        if soundtrack is not None:
            command += soundtrack.input_arguments()
        command += ["-map", "0:v:0", *VIDEO_CODEC]
        if soundtrack is not None:
            command += soundtrack.output_arguments()
        return [*command, "-movflags", "+faststart", f"file:{self._partial}"]
