"""Clips with known properties for the command and the API."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from animate.still_models import StillModel
from animate.video import VideoWriter
from pose.video import open_video
from temporal.checkpoints import save_controlnext
from tests.animate.pipelines.stills import make_still, model_of

Frame = NDArray[np.uint8]


def write_clip(path: Path, frames: Iterable[Frame], fps: float = 24.0) -> Path:
    """Encode (H, W, 3) frames of one size."""
    frames = list(frames)
    height, width = frames[0].shape[:2]
    with VideoWriter(path, (width, height), fps) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for clips that tests may read, never write."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def dance_frames(dance: Path) -> list[Frame]:
    """The first frames of the shipped dance, (H, W, 3)."""
    return [frame.copy() for frame in islice(open_video(dance), 4)]


@pytest.fixture(scope="session")
def one_frame(clips: Path, dance_frames: list[Frame]) -> Path:
    return write_clip(clips / "one.mp4", dance_frames[:1])


@pytest.fixture(scope="session")
def three_frames(clips: Path, dance_frames: list[Frame]) -> Path:
    return write_clip(clips / "three.mp4", dance_frames[:3])


@pytest.fixture(scope="session")
def interrupted_dance(clips: Path, dance_frames: list[Frame]) -> Path:
    """Six frames, of which frames 2 and 3 are black."""
    black = np.zeros_like(dance_frames[0])
    return write_clip(clips / "gap.mp4", [*dance_frames[:2], black, black, *dance_frames[2:]])


@pytest.fixture(scope="session")
def nobody(clips: Path) -> Path:
    """Three grey frames."""
    return write_clip(clips / "nobody.mp4", [np.full((96, 64, 3), 128, np.uint8)] * 3)


@pytest.fixture(scope="session")
def landscape(clips: Path) -> Path:
    """A picture without a body."""
    path = clips / "landscape.png"
    ramp = np.linspace(40, 220, 96, dtype=np.uint8)[:, None, None]
    Image.fromarray(np.broadcast_to(ramp, (96, 64, 3)).copy()).save(path)
    return path


@pytest.fixture(scope="session")
def sd3(tmp_path_factory: pytest.TempPathFactory) -> StillModel:
    """A tiny SD3 with a part for small pictures."""
    still = make_still("sd3", tmp_path_factory.mktemp("upscale") / "sd3")
    own = still.folder / "controls" / "superresolution"
    own.mkdir(parents=True)
    save_controlnext(still.parts["controlnext"], own / "controlnext.safetensors")
    return model_of(still)
