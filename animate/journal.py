"""What a run notes beside its output, so that the same command goes on after it was killed.

A hidden folder: the poses, and the latents after the latest finished step. Every file appears
whole. Decoding is not noted: it starts over from the final latents, as parts of an H.264 stream
that are encoded apart and joined have other bytes than one stream.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from animate.errors import OutputError
from animate.files import refuse_links
from animate.progress import Report, unheard

if TYPE_CHECKING:
    from torch import Tensor

    from pose.skeleton import PoseSequence

Facts = dict[str, Any]  # what decides the result, by names that a user knows

# The files: who has the folder, what the notes are of, and the latents with their own facts.
LOCK, INPUTS, LATENTS = "lock", "inputs.json", "latents.safetensors"


@dataclass(frozen=True)
class Standing:
    """Where denoising stands: finished steps, latents (B, F, C, h, w) and the generator's state."""

    step: int
    latents: Tensor
    generator: Tensor


class Journal:
    """The notes of one run; without a folder nothing is noted and nothing remembered.

    Only one run at a time has a folder. A disk that is full costs the notes, never the run.
    """

    def __init__(self, folder: Path | None = None, report: Report = unheard) -> None:
        self.folder = folder
        self._report = report
        self._lock: IO[bytes] | None = None
        self._settings: Facts = {}
        self._complained = False

    def open(self) -> None:
        """Take the folder. Raises OutputError if another run has it, or links lie in it."""
        if self.folder is None:
            return
        refuse_links(self.folder)
        with self._tolerant():
            self._lock = lock_file(self.folder / LOCK)
        if self._lock is None:
            self.folder = None

    def close(self, *, failed: bool = False) -> None:
        """Give the folder back; it stays if there is something in it to go on from.

        failed: the run ended by itself; then only finished steps are worth keeping.
        """
        worth = [path for path in self._notes() if path.name == LATENTS or not failed]
        if not worth:
            self.remove()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def remove(self) -> None:
        """Leave nothing behind: the run is finished."""
        if self._lock is None or self.folder is None:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()  # after its name is gone: whoever opens the name now finds a new file
        self._lock = self.folder = None

    def begin(self, inputs: Facts) -> None:
        """Keep what is noted of these inputs; forget what is noted of others, and say so."""
        if self.folder is None:
            return
        inputs = _plain(inputs)
        noted: Facts | None = None
        with contextlib.suppress(OSError, ValueError, RecursionError):
            noted = json.loads((self.folder / INPUTS).read_bytes())
        if noted == inputs:
            if self._notes():
                self._report(f"Goes on where a run was interrupted, by its notes in {self.folder}")
            return
        if noted is not None and self._notes():
            self._report(_afresh(noted, inputs))
        for path in self._notes():
            path.unlink(missing_ok=True)
        self._write(INPUTS, json.dumps(inputs).encode())

    def poses(self, name: str) -> PoseSequence | None:
        """The poses noted by this name; None if there are none that can be read."""
        from pose.errors import PoseFileError
        from pose.files import load_poses

        if self.folder is not None:
            with contextlib.suppress(PoseFileError):
                return load_poses(self.folder / f"{name}.npz")
        return None

    def keep_poses(self, name: str, poses: PoseSequence) -> None:
        """Note poses by this name."""
        from pose.files import save_poses

        if self.folder is not None:
            with self._tolerant():
                save_poses(self.folder / f"{name}.npz", poses)

    def standing(self, settings: Facts) -> Standing | None:
        """How far denoising with exactly these settings got; what is noted of others is removed."""
        self._settings = _plain(settings)
        if self.folder is None or not (self.folder / LATENTS).exists():
            return None
        try:
            noted, standing = _read_latents(self.folder / LATENTS)
        except Exception as error:  # whatever damage makes safetensors, json or torch raise
            reason = str(error) or type(error).__name__
            self._report(f"What the interrupted run noted is damaged ({reason}): starts afresh")
        else:
            if noted == self._settings:
                of = f"{standing.step} of {settings.get('steps', '?')}"
                self._report(f"Denoising goes on after step {of}")
                return standing
            self._report(_afresh(noted, self._settings))
        (self.folder / LATENTS).unlink(missing_ok=True)
        return None

    def keep(self, standing: Standing) -> None:
        """Note a finished step, in the place of the one before."""
        if self.folder is not None:
            about = {"step": str(standing.step), "settings": json.dumps(self._settings)}
            self._write(LATENTS, *_safetensors(standing, about))

    def _notes(self) -> list[Path]:
        """The files that are worth something to a run that goes on, and unfinished ones."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if path.name not in (LOCK, INPUTS)]

    def _write(self, name: str, *content: bytes | memoryview) -> None:
        assert self.folder is not None
        partial = self.folder / f"{name}.partial"
        with self._tolerant():
            try:
                with partial.open("wb") as file:
                    for part in content:
                        file.write(part)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(partial, self.folder / name)
            finally:
                partial.unlink(missing_ok=True)

    @contextmanager
    def _tolerant(self) -> Iterator[None]:
        from pose.errors import PoseFileError

        try:
            yield
        except (OSError, PoseFileError) as error:
            if not self._complained:
                reason = getattr(error, "strerror", None) or error
                self._report(f"How far the run is cannot be noted ({reason}): it goes on without")
            self._complained = True


def journal_path(output: Path) -> Path:
    """The journal's folder for a video that is to be written."""
    return output.with_name(f".{output.name}.journal")


def forget(output: Path, *, finished_only: bool) -> None:
    """Remove an output's journal, or only one whose run was killed when its video was whole."""
    journal = Journal(journal_path(output))
    if journal.folder is None or not journal.folder.is_dir():
        return
    with contextlib.suppress(OutputError, OSError):  # another run has it; there is no video
        journal.open()
        noted = [path.stat().st_mtime_ns for path in journal._notes()]
        if not finished_only or output.stat().st_mtime_ns > max(noted, default=0):
            journal.remove()
    journal.close()


def lock_file(path: Path) -> IO[bytes]:
    """Open and lock a file, which another process can do when this one has ended.

    Raises OutputError if another process has it.
    """
    try:
        import fcntl
    except ImportError:  # Windows: two runs are not kept apart there
        path.parent.mkdir(exist_ok=True)
        return path.open("wb")
    while True:
        path.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # removed by the run that had it: once more
            file = path.open("wb")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.close()
                raise OutputError(
                    f"another run is writing this output (it holds {path}): wait for it, or name "
                    "another output"
                ) from error
            except OSError:  # a file system without locks
                return file
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                return file
            file.close()


def _safetensors(standing: Standing, about: dict[str, str]) -> list[bytes | memoryview]:
    """The parts of a file in that format: its own writer copies the latents of a long clip twice.

    https://github.com/huggingface/safetensors#format: length of the header, header, values.
    """
    header: dict[str, Any] = {"__metadata__": about}
    values: list[memoryview] = []
    for name, kind in (("latents", "F32"), ("generator", "U8")):
        array = getattr(standing, name).cpu().contiguous().numpy()
        start = sum(part.nbytes for part in values)
        header[name] = {
            "dtype": kind,
            "shape": array.shape,
            "data_offsets": [start, start + array.nbytes],
        }
        values.append(array.data)
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    return [len(encoded).to_bytes(8, "little"), encoded, *values]


def _read_latents(path: Path) -> tuple[Facts, Standing]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        tensors = (file.get_tensor("latents"), file.get_tensor("generator"))
    settings, standing = json.loads(about["settings"]), Standing(int(about["step"]), *tensors)
    most = settings.get("steps", standing.step)
    if standing.latents.ndim != 5 or not 0 < standing.step <= most:
        raise ValueError("no step of the run")
    return settings, standing


def _plain(facts: Facts) -> Facts:
    """As they come back from JSON: tuples are lists."""
    plain: Facts = json.loads(json.dumps(facts, default=str))
    return plain


def _afresh(noted: object, now: Facts) -> str:
    if not isinstance(noted, dict):  # whatever else JSON holds
        return "What the interrupted run noted is damaged: starts afresh"
    names = [name for name in {**noted, **now} if noted.get(name) != now.get(name)]
    listed = ", ".join(name.replace("_", " ") for name in names)
    return f"The interrupted run had another {listed}: starts afresh"
