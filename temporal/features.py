"""Control features of a clip, computed once per frame and step and shared between windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from temporal.controlnext import ControlNeXt
from temporal.errors import ControlError

ControlSource = Tensor | Callable[[int, int], Tensor]


class ControlFeatures:
    """Control features of the windows of one clip, asked for step by step in order of start.

    control: (F, 3, H, W) in [0, 1], or a callable (start, stop) -> (stop - start, 3, H, W) that
    draws frames when they are needed. Only the frames of the current window and frame 0 are kept,
    so memory does not grow with the clip. Neither guidance halves nor overlaps repeat work.
    """

    def __init__(
        self, encoder: ControlNeXt, control: ControlSource, *, device: torch.device | str
    ) -> None:
        self._encoder = encoder
        self._control = control
        self._device = device
        self._timestep: float | None = None
        self._kept: dict[int, Tensor] = {}

    def __call__(self, timestep: Tensor, frames: Sequence[int]) -> Tensor:
        """Return the features (len(frames), C, h, w) of these clip frames at this timestep."""
        if float(timestep) != self._timestep:
            self._timestep, self._kept = float(timestep), {}
        for start, stop in _runs(sorted(set(frames) - self._kept.keys())):
            encoded = self._encoder(self._draw(start, stop), timestep.to(self._device))
            self._kept.update(zip(range(start, stop), encoded, strict=True))
        features = torch.stack([self._kept[frame] for frame in frames])
        needed = {0, *frames}
        self._kept = {frame: kept for frame, kept in self._kept.items() if frame in needed}
        return features

    def _draw(self, start: int, stop: int) -> Tensor:
        control = self._control
        drawn = control[start:stop] if isinstance(control, Tensor) else control(start, stop)
        check_control(drawn, stop - start)
        return drawn.to(self._device)


def check_control(control: Tensor, frames: int) -> None:
    """Raise ControlError unless control is (frames, 3, H, W), floating point, in [0, 1]."""
    if control.ndim != 4 or control.shape[0] != frames or control.shape[1] != 3:
        raise ControlError(
            f"expected control frames ({frames}, 3, H, W), got {tuple(control.shape)}"
        )
    if not control.is_floating_point():
        raise ControlError(f"control frames must be floats in [0, 1], got {control.dtype}")
    low, high = control.aminmax()
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ControlError(
            f"control frames must be in [0, 1], got {float(low):.3g} to {float(high):.3g}; "
            "divide 8-bit pictures by 255"
        )


def _runs(frames: Sequence[int]) -> Iterator[tuple[int, int]]:
    # Consecutive frames are drawn and encoded in one call.
    start = 0
    for index in range(1, len(frames) + 1):
        if index == len(frames) or frames[index] != frames[index - 1] + 1:
            yield frames[start], frames[index - 1] + 1
            start = index
