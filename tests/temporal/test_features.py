from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from temporal.controlnext import ControlNeXt
from temporal.errors import ControlError
from temporal.features import ControlFeatures, check_control
from temporal.windows import plan_windows

FRAMES = 9
TIMESTEPS = torch.tensor([1.0, 0.2])


@pytest.fixture(scope="module")
def control() -> Tensor:
    return torch.rand(FRAMES, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
@pytest.mark.parametrize("blend", ["weighted", "official"])
def test_every_frame_is_encoded_once_per_step(
    blend: Any, control: Tensor, encoder: ControlNeXt
) -> None:
    encoded: list[int] = []
    handle = encoder.register_forward_hook(lambda module, args, out: encoded.append(len(args[0])))
    features = ControlFeatures(encoder, control, device="cpu")
    for timestep in TIMESTEPS:
        for window in plan_windows(FRAMES, 4, 2, blend=blend):
            features(timestep, window.controls)
    handle.remove()
    assert sum(encoded) == len(TIMESTEPS) * FRAMES


@torch.no_grad()
def test_shared_features_equal_those_of_the_window_alone(
    control: Tensor, encoder: ControlNeXt
) -> None:
    features = ControlFeatures(encoder, control, device="cpu")
    for timestep in TIMESTEPS:
        for window in plan_windows(FRAMES, 4, 2, blend="official"):
            alone = encoder(control[list(window.controls)], timestep)
            shared = features(timestep, window.controls)
            torch.testing.assert_close(shared, alone, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_frames_are_drawn_when_needed(control: Tensor, encoder: ControlNeXt) -> None:
    drawn: list[tuple[int, int]] = []

    def draw(start: int, stop: int) -> Tensor:
        drawn.append((start, stop))
        return control[start:stop]

    features = ControlFeatures(encoder, draw, device="cpu")
    for window in plan_windows(FRAMES, 4, 1):
        features(TIMESTEPS[0], window.controls)
    whole = ControlFeatures(encoder, control, device="cpu")(TIMESTEPS[0], range(5, 9))
    torch.testing.assert_close(features(TIMESTEPS[0], range(5, 9)), whole, atol=1e-5, rtol=1e-4)
    assert drawn[0] == (0, 4)
    assert all(stop - start <= 4 for start, stop in drawn)


@pytest.mark.parametrize(
    ("control", "message"),
    [
        (torch.rand(2, 3, 8, 8), "expected control frames"),
        (torch.rand(1, 1, 8, 8), "expected control frames"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "must be floats"),
        (torch.full((1, 3, 8, 8), 255.0), "divide 8-bit"),
        (torch.full((1, 3, 8, 8), float("nan")), r"in \[0, 1\]"),
    ],
)
def test_unusable_control_is_refused(control: Tensor, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        check_control(control, 1)
