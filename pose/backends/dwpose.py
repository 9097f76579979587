"""DWPose and RTMW through rtmlib: several persons, 133 keypoints each, on the GPU if there is one.

A YOLOX detector finds the persons, a SimCC model their keypoints. rtmlib 0.0.16 prepares and
reads the models; what it would do otherwise than the official code is done here: the score of a
keypoint is the smaller peak of its two axes, not their mean (rtmlib issue 80), a frame without a
person has none, instead of the whole frame as one, and of a detector of many things only persons
count. The detector gets blue first, as YOLOX was trained, the pose model red first (bgr_to_rgb in
MMPose's configurations; rtmlib issue 48).
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import logging
import multiprocessing
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose.backends.graphs import Graph, Pair, find_pair, unreadable
from pose.backends.protocol import DEVICES
from pose.errors import BackendError
from pose.skeleton import COUNT, Floats, clean

PACKAGES = ("rtmlib", "onnxruntime")
CUDA = "CUDAExecutionProvider"
LEAST_PERSON = 0.3  # a detection's score; the official code's and, with NMS inside, rtmlib's
PERSON = 0  # among the classes of a detector trained on COCO
MOST_PERSONS = 16  # the largest: each costs a run of the pose model
LEAST_SIDE = 2.0  # pixels of a box
WARNING, ERROR, FATAL = 2, 3, 4  # onnxruntime's severities; the first is its default
INSTALL = "run `pip install rtmlib onnxruntime`, or onnxruntime-gpu for an NVIDIA GPU"
NO_CUDA = "install one with it: `pip uninstall onnxruntime`, then `pip install onnxruntime-gpu`"
NOT_STARTED = (
    "it offers CUDA, but fell back to the CPU: check the driver with `nvidia-smi`, and install "
    "the libraries with `pip install 'onnxruntime-gpu[cuda,cudnn]'`"
)


class DWPoseBackend:
    """Detector and pose model as a Backend.

    folder: with the two ONNX files, None to search (pose.models). device: auto takes CUDA where
    it works and else says once that it does not, cuda raises BackendError where it does not.
    Scores are the peaks of the SimCC axes, clipped to [0, 1]: DWPose's seldom pass 1, those of
    RTMW are logits that do, so that nearly every joint of it counts as visible.
    """

    name = "dwpose"

    def __init__(self, folder: str | None = None, *, device: str = "auto") -> None:
        if device not in DEVICES:
            raise BackendError(f"dwpose: expected device {' | '.join(DEVICES)}, got {device!r}")
        for package in PACKAGES:
            if importlib.util.find_spec(package) is None:
                raise BackendError(f"dwpose needs {package}, not installed here; {INSTALL}")
        self.files = find_pair(folder)
        self._tools: tuple[Any, Any] | None = None
        self._tools, self.device = _start(self.files, device)

    @property
    def version(self) -> str:
        """rtmlib's version, and the files with the start of their SHA-256."""
        return self.files.version

    def estimate(self, frame: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        if self._tools is None:
            raise BackendError("this dwpose backend is closed; open another one")
        detector, pose = self._tools
        try:
            people = [_keypoints(pose, frame, box) for box in _boxes(detector, frame)]
        except Exception as error:  # whatever rtmlib, OpenCV or onnxruntime make of it
            height, width = frame.shape[:2]
            reason = " ".join(str(error).split())
            raise BackendError(f"dwpose failed on a frame of {width}x{height}: {reason}") from error
        if not people:
            return np.empty((0, COUNT, 2)), np.empty((0, COUNT))
        points, scores = zip(*people, strict=True)
        return np.stack(points), np.stack(scores)

    def close(self) -> None:
        self._tools = None


def is_ready() -> bool:
    """Whether packages and files are here; opens nothing."""
    if not all(importlib.util.find_spec(package) for package in PACKAGES):
        return False
    try:
        find_pair()
    except BackendError:
        return False
    return True


def _start(files: Pair, device: str) -> tuple[tuple[Any, Any], str]:
    """Detector and pose model, and the device they run on. Raises BackendError."""
    import onnxruntime

    title = f"onnxruntime {onnxruntime.__version__}"
    offered = CUDA in onnxruntime.get_available_providers()
    if device == "cuda" and not offered:
        raise BackendError(f"dwpose: CUDA was asked for, and {title} here has none; {NO_CUDA}")
    tools = _load(files, "cuda" if offered and device != "cpu" else "cpu", quiet=device == "auto")
    if all(CUDA in tool.session.get_providers() for tool in tools):
        return tools, "cuda"
    if device == "cuda":
        raise BackendError(f"dwpose: CUDA was asked for and did not start: {title}: {NOT_STARTED}")
    if device == "auto":
        _say(f"dwpose runs on the CPU: {title}: {NOT_STARTED if offered else 'it has no CUDA'}")
    return tools, "cpu"


def _load(files: Pair, device: str, *, quiet: bool) -> tuple[Any, Any]:
    """rtmlib's YOLOX and RTMPose; quiet: onnxruntime does not tell what it could not load."""
    import onnxruntime
    import rtmlib

    if device == "cuda" and hasattr(onnxruntime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()  # CUDA's libraries that pip installed
    onnxruntime.set_default_logger_severity(FATAL if quiet else ERROR)
    try:
        detector = _tool(rtmlib.YOLOX, files.detector, device, score_thr=LEAST_PERSON)
        pose = _tool(rtmlib.RTMPose, files.pose, device)
    finally:
        onnxruntime.set_default_logger_severity(WARNING)
    width, height = Graph.of(detector.session).input_size(files.detector, "detector")
    detector.model_input_size = (height, width)  # YOLOX has it this way round
    pose.model_input_size = Graph.of(pose.session).input_size(files.pose, "pose")
    return detector, pose


def _tool(kind: Any, path: Path, device: str, **options: float) -> Any:
    try:
        # rtmlib prints what it loads; onnxruntime warns of a missing provider, as _start does.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(str(path), backend="onnxruntime", device=device, **options)
    except Exception as error:  # onnxruntime's own kinds share no base
        raise unreadable(path, error) from error


def _boxes(detector: Any, frame: NDArray[np.uint8]) -> Floats:
    """The persons in a frame as (P, 4) left, top, right, bottom in pixels, the largest first."""
    sides = np.array(frame.shape[:2]) * min(np.array(detector.model_input_size) / frame.shape[:2])
    if min(sides) < 1:
        return np.empty((0, 4))  # a line rather than a picture: nothing of it is left
    shown, ratio = detector.preprocess(frame)
    found = detector.inference(shown[..., ::-1])[0]
    inside = found.shape[-1] == 5  # the model itself drops what overlaps
    detector.det_mode = "human" if inside else "multiclass"
    with np.errstate(all="ignore"):
        answer = detector.postprocess(found, ratio)
    boxes, kinds = (answer, None) if inside else answer
    persons: Floats = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if kinds is not None:
        persons = persons[np.asarray(kinds) == PERSON]
    persons = persons[np.isfinite(persons).all(axis=1)]
    persons = persons[(persons[:, 2:] - persons[:, :2] >= LEAST_SIDE).all(axis=1)]
    areas = (persons[:, 2:] - persons[:, :2]).prod(axis=1)
    return persons[np.argsort(-areas, kind="stable")][:MOST_PERSONS]


def _keypoints(pose: Any, frame: NDArray[np.uint8], box: Floats) -> tuple[Floats, Floats]:
    """Keypoints (133, 2) in pixels and scores (133,) in [0, 1] of the person in a box."""
    shown, center, scale = pose.preprocess(frame, box)
    peaks_x, peaks_y = pose.inference(shown)
    points, _ = pose.postprocess([peaks_x, peaks_y], center, scale)
    scores = np.minimum(peaks_x.max(axis=-1), peaks_y.max(axis=-1))[0].astype(np.float64)
    return clean(points[0], np.where(scores > 0, scores.clip(max=1.0), np.nan))


@functools.cache
def _say(line: str) -> None:
    """Tell once, and not again from every process that helps."""
    if multiprocessing.parent_process() is None:
        logging.getLogger("pose").warning(line)
