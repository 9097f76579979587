"""Poses from files, whatever their kind: the one door for what may stand for a driving video."""

from __future__ import annotations

import os
from pathlib import Path

from pose.errors import PoseFileError
from pose.npz import load_poses, save_poses
from pose.openpose import find_json, read_openpose, save_openpose
from pose.skeleton import PoseSequence
from pose.sniff import explain_missing, first_bytes

__all__ = ["is_pose_source", "load_poses", "read_poses", "save_openpose", "save_poses"]

ZIP = b"PK\x03\x04"  # an npz is a zip file
JSON_STARTS = (b"{", b"[")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def is_pose_source(path: str | os.PathLike[str]) -> bool:
    """Whether this is a file or folder for `read_poses`, by its content, or else by its name.

    Never raises; False for what does not exist.
    """
    path = Path(path)
    if path.is_dir():
        return bool(find_json(path))
    if not path.is_file():
        return False
    return path.suffix.lower() in (".npz", ".json") or _is_npz(path) or _is_json(path)


def read_poses(path: str | os.PathLike[str], *, fps: float | None = None) -> PoseSequence:
    """Read a keypoint file (npz), an OpenPose JSON file or a folder of such files.

    fps: the rate of files that do not state one (default 25). Raises PoseFileError.
    """
    path = Path(path)
    if path.is_dir():
        return read_openpose(path, fps=fps)
    missing = explain_missing(path)
    if missing:
        raise PoseFileError(missing)
    if _is_npz(path) or (path.suffix.lower() == ".npz" and not _is_json(path)):
        return load_poses(path)
    if _is_json(path) or path.suffix.lower() == ".json":
        return read_openpose(path, fps=fps)
    raise PoseFileError(
        f"{path} holds no keypoints; expected an npz that `animate` wrote, OpenPose JSON, or a "
        "folder of such JSON files"
    )


def _is_npz(path: Path) -> bool:
    return first_bytes(path).startswith(ZIP)


def _is_json(path: Path) -> bool:
    return first_bytes(path).removeprefix(BYTE_ORDER_MARK).lstrip().startswith(JSON_STARTS)
