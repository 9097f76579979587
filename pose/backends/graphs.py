"""ONNX files: which one finds persons and which one their keypoints, read from the files."""

from __future__ import annotations

import functools
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose.catalogue import MODELS
from pose.download import file_digest
from pose.errors import BackendError
from pose.models import locate
from pose.skeleton import COUNT

ROLES = ("detector", "pose")
DETECTOR_SIDE = 640  # YOLOX's own, for files that leave it open
SPLIT = 2  # SimCC bins per input pixel, as rtmlib reads them
EXPECTED = (
    "expected are a YOLOX detector, from 1x3xHxW to 1xNx5 or 1xNx85, and a SimCC pose model, "
    f"from 1x3xHxW to 1x{COUNT}x{SPLIT}W and 1x{COUNT}x{SPLIT}H"
)
REMEDY = (
    "run `animate models fetch dwpose`, or name a folder that has them: "
    "--pose-backend dwpose:FOLDER"
)

Shape = tuple[int | str | None, ...]  # names and None are dimensions that the file leaves open


@dataclass(frozen=True)
class Graph:
    """What a model takes and gives."""

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]

    @classmethod
    def of(cls, session: Any) -> Graph:
        """The graph that an onnxruntime session runs."""
        ends = (session.get_inputs(), session.get_outputs())
        return cls(*(tuple(tuple(value.shape or ()) for value in end) for end in ends))

    @property
    def role(self) -> str:
        """detector or pose, judged by the shapes; empty for anything else."""
        if len(self.inputs) != 1 or len(self.inputs[0]) != 4 or not self.outputs:
            return ""
        ranks = [len(shape) for shape in self.outputs]
        if ranks == [3, 3]:
            return "pose"
        last = self.outputs[0][-1] if self.outputs[0] else 0
        return "detector" if ranks[0] == 3 and (not isinstance(last, int) or last >= 5) else ""

    def input_size(self, path: Path, role: str) -> tuple[int, int]:
        """(width, height) of the pictures that the model wants.

        Raises BackendError if the shapes speak against the role, or if the file of a pose model
        leaves its size open or is one of other keypoints.
        """
        if self.role not in ("", role) or [len(shape) for shape in self.inputs] != [4]:
            raise _odd(path, self)
        height, width = self.inputs[0][2:]
        if not (isinstance(height, int) and isinstance(width, int)):
            if role == "detector":
                return DETECTOR_SIDE, DETECTOR_SIDE
            raise _odd(path, self)
        if self.role == "pose":
            given = [side for shape in self.outputs for side in shape[1:]]
            wanted = (COUNT, SPLIT * width, COUNT, SPLIT * height)
            if any(isinstance(a, int) and a != b for a, b in zip(given, wanted, strict=True)):
                raise _odd(path, self)
        return width, height


@dataclass(frozen=True)
class Pair:
    """The two files that dwpose needs."""

    detector: Path
    pose: Path

    @property
    def version(self) -> str:
        """rtmlib's version, and the files with the start of their SHA-256."""
        files = [f"{path.name} {_digest(path)[:8]}" for path in (self.detector, self.pose)]
        return ", ".join([f"rtmlib {importlib.metadata.version('rtmlib')}", *files])


def find_pair(folder: str | Path | None = None) -> Pair:
    """The files in a folder, or the best that are on this machine. Raises BackendError."""
    if folder is None:
        found = {role: _installed(role) for role in ROLES}
        missing = [role for role, path in found.items() if path is None]
        if missing:
            raise BackendError(f"dwpose has no {' and no '.join(missing)} model here; {REMEDY}")
    else:
        found = _in_folder(Path(folder).expanduser())
    return Pair(**{role: path for role, path in found.items() if path is not None})


def _installed(role: str) -> Path | None:
    places = (locate(model.name) for model in MODELS if model.role == role)
    return next((path for path in places if path is not None), None)


def _in_folder(folder: Path) -> dict[str, Path | None]:
    files = sorted(folder.glob("*.onnx"))
    if not files:
        what = "has no ONNX files" if folder.is_dir() else "is no folder"
        raise BackendError(f"dwpose: {folder} {what}; {EXPECTED}")
    known = {model.file: model.role for model in MODELS}
    order = {model.file: place for place, model in enumerate(MODELS)}
    files.sort(key=lambda path: order.get(path.name, len(order)))
    roles = {path: known.get(path.name) or _role(path) for path in files}
    found: dict[str, Path | None] = {}
    for role in ROLES:
        fitting = [path for path in files if roles[path] == role]
        if not fitting:
            names = ", ".join(path.name for path in files)
            raise BackendError(f"dwpose: {folder} has no {role} model ({names}); {EXPECTED}")
        if len(fitting) > 1 and fitting[0].name not in known:
            names = ", ".join(path.name for path in fitting)
            raise BackendError(f"dwpose: {folder} has several {role} models, leave one: {names}")
        found[role] = fitting[0]
    return found


def _role(path: Path) -> str:
    """What a file of any name is for. Raises BackendError if it cannot be read or is neither."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4  # fatal: errors are raised as well
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own kinds share no base
        raise unreadable(path, error) from error
    graph = Graph.of(session)
    if not graph.role:
        raise _odd(path, graph)
    graph.input_size(path, graph.role)
    return graph.role


def unreadable(path: Path, error: Exception) -> BackendError:
    """The error for a file that onnxruntime does not take."""
    reason = " ".join(str(error).split())
    return BackendError(f"{path} cannot be read as an ONNX model ({reason}); fetch it again")


def _odd(path: Path, graph: Graph) -> BackendError:
    def text(shapes: tuple[Shape, ...]) -> str:
        return " and ".join("x".join(str(side or "?") for side in shape) for shape in shapes)

    return BackendError(
        f"{path} is not a model that dwpose knows: it takes {text(graph.inputs)} and gives "
        f"{text(graph.outputs)}; {EXPECTED}"
    )


def _digest(path: Path) -> str:
    state = path.stat()
    return _digest_of(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _digest_of(path: Path, size: int, changed: int) -> str:
    """The file's SHA-256, computed again only when size or time of change differ."""
    return file_digest(path)
