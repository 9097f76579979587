"""Control features of a clip, computed once per frame and shared between windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from temporal.controlnet import ControlNet
from temporal.controlnext import ControlNeXt
from temporal.errors import ControlError
from temporal.folded import FoldedEncoder

ControlSource = Tensor | Callable[[int, int], Tensor]
Maps = TypeVar("Maps", bound=tuple[Tensor, ...])

# What of the encoding does not depend on time is kept from step to step: up to so many bytes of
# main memory, which is to be nearly the same for all clips, or a share of what a GPU has free.
CPU_MEMORY = 16 * 2**20
GPU_SHARE = 8
# Frames encoded at once: as many as fill this many pixels. Larger pictures fill a device alone,
# and a frame of 576x1024 takes about 0.3 GB while it is encoded in half precision.
CHUNK_PIXELS, LONGEST_CHUNK = 2**18, 8


class ByFrame(ABC):
    """Features of the windows of one clip, asked for step by step in order of start.

    Only the chunks of the current window are kept: memory does not grow with the clip.
    """

    def __init__(self, clip: _Clip) -> None:
        self._clip = clip
        self._timestep: float | None = None
        self._features: dict[int, tuple[Tensor, ...]] = {}  # chunk -> features

    @torch.no_grad()
    def __call__(self, timestep: Tensor, frames: Sequence[int]) -> tuple[Tensor, ...]:
        """Return the features of these clip frames at this timestep, of every site.

        Each is (len(frames), C, h, w).
        """
        if float(timestep) != self._timestep:
            self._timestep = float(timestep)
            self._start_step(timestep)
        chunk = self._clip.chunk
        asked = sorted({frame // chunk for frame in frames})
        for index in asked:
            if index not in self._features:
                self._features[index] = self._encode(index)
        picked = [self._of_frame(frame) for frame in frames]
        self._features = {index: self._features[index] for index in asked}
        return tuple(torch.stack(site) for site in zip(*picked, strict=True))

    def _of_frame(self, frame: int) -> list[Tensor]:
        index, offset = divmod(frame, self._clip.chunk)
        return [site[offset] for site in self._features[index]]

    def _start_step(self, timestep: Tensor) -> None:
        """Forget what depends on time."""
        self._features = {}

    @abstractmethod
    def _encode(self, index: int) -> tuple[Tensor, ...]:
        """The features of a chunk's frames."""


class ControlFeatures(ByFrame):
    """A ControlNeXt's features of the windows of one clip.

    control: (F, 3, H, W) in [0, 1], or a callable (start, stop) -> (stop - start, 3, H, W) that
    draws frames when they are needed, and then frames: F. chunk: frames encoded at once; memory:
    bytes for what is kept across steps, on the device; None: see `default_memory`. reference:
    (3, H, W), the control of the reference picture, for an encoder that sees it; None: black.
    drafts: latents (F, C, h, w), anywhere, for an encoder that sees them; None for none.

    Neither guidance halves nor overlaps repeat work. Chunks lie at fixed places of the clip, so
    features depend neither on the windows that ask nor on the memory. Besides that, only the
    chunks of the current window are kept: memory does not grow with the clip.
    The weights are taken over at the start. Not for several threads.
    """

    def __init__(
        self,
        encoder: ControlNeXt,
        control: ControlSource,
        *,
        device: torch.device | str,
        frames: int | None = None,
        chunk: int = LONGEST_CHUNK,
        memory: int | None = None,
        reference: Tensor | None = None,
        drafts: Tensor | None = None,
    ) -> None:
        super().__init__(
            _PairedClip(control, frames, chunk, reference)
            if encoder.sees_reference
            else _Clip(control, frames, chunk)
        )
        self._encoder = encoder
        self._folded = FoldedEncoder(encoder)
        self._prepared = _Prepared(self._folded.prepare, self._clip, device, memory)
        self._device = device
        self._drafts = drafts
        self._time = torch.empty(0)
        self._hidden: dict[int, Tensor] = {}  # chunk -> state before frames are mixed

    def _start_step(self, timestep: Tensor) -> None:
        super()._start_step(timestep)
        self._hidden = {}
        one = torch.empty(1, device=self._device)
        self._time = self._encoder.embed_time(timestep.to(self._device), one)

    def _encode(self, index: int) -> tuple[Tensor, ...]:
        start, stop = self._clip.span(index)
        reach, chunk = self._encoder.reach, self._clip.chunk
        # With mixing, features need the frames around; they are the same whoever asks.
        first, last = max(0, start - reach), min(self._clip.frames, stop + reach)
        around = range(first // chunk, (last - 1) // chunk + 1)
        hidden = torch.cat([self._hidden_of(near) for near in around])
        skipped = around.start * chunk
        mixed = self._encoder.mix(hidden[first - skipped : last - skipped], last - first)
        # What the next chunk needs too stays.
        oldest = (stop - reach) // chunk
        self._hidden = {near: kept for near, kept in self._hidden.items() if near >= oldest}
        features = self._encoder.project(mixed[start - first : stop - first])
        if self._drafts is None:
            return features
        return self._encoder.add_draft(features, self._drafts[start:stop].to(self._device))

    def _hidden_of(self, index: int) -> Tensor:
        if index not in self._hidden:
            prepared = self._prepared(index)
            time = self._time.expand(len(prepared[0]), -1)
            self._hidden[index] = self._folded.descend(prepared, time)
        return self._hidden[index]


class EmbeddedControl(ByFrame):
    """What a ControlNet is given of the control frames of one clip; the same in every step.

    control, frames, chunk, memory: as for `ControlFeatures`. Not for several threads.
    """

    def __init__(
        self,
        part: ControlNet,
        control: ControlSource,
        *,
        device: torch.device | str,
        frames: int | None = None,
        chunk: int = LONGEST_CHUNK,
        memory: int | None = None,
    ) -> None:
        super().__init__(_Clip(control, frames, chunk))
        self._prepared = _Prepared(part.prepare, self._clip, device, memory)

    def _encode(self, index: int) -> tuple[Tensor, ...]:
        return self._prepared(index)


class _Clip:
    """The control frames of a clip in chunks at fixed places."""

    def __init__(self, control: ControlSource, frames: int | None, chunk: int) -> None:
        if isinstance(control, Tensor):
            frames = len(control)
        if frames is None:
            raise ControlError("control given as a callable needs the number of frames")
        if chunk < 1:
            raise ControlError(f"need chunks of 1 frame at least; got {chunk}")
        self.frames, self.chunk = frames, chunk
        self._control = control

    def span(self, index: int) -> tuple[int, int]:
        """The frames of a chunk: first, and behind the last."""
        start = index * self.chunk
        return start, min(start + self.chunk, self.frames)

    def draw(self, index: int) -> Tensor:
        """The control frames of a chunk, (n, 3, H, W)."""
        start, stop = self.span(index)
        control = self._control
        drawn = control[start:stop] if isinstance(control, Tensor) else control(start, stop)
        check_control(drawn, stop - start)
        return drawn


class _PairedClip(_Clip):
    """Control frames with the reference picture's own control behind, (n, 6, H, W)."""

    def __init__(
        self, control: ControlSource, frames: int | None, chunk: int, reference: Tensor | None
    ) -> None:
        super().__init__(control, frames, chunk)
        if reference is not None:
            check_control(reference[None], 1)
        self._reference = reference

    def draw(self, index: int) -> Tensor:
        """See ``_Clip.draw``."""
        drawn = super().draw(index)
        beside = torch.zeros_like(drawn[0]) if self._reference is None else self._reference
        if beside.shape != drawn.shape[1:]:
            raise ControlError(
                f"the reference's control is {tuple(beside.shape)}, the frames' are "
                f"{tuple(drawn.shape[1:])}: draw both at the size of the result"
            )
        return torch.cat([drawn, beside.to(drawn).expand_as(drawn)], dim=1)


class _Prepared(Generic[Maps]):
    """What of the encoding does not depend on time, kept as far as the memory goes.

    Nothing makes room for another: in a clip read again and again, what has come last would
    always drive out what is needed next.
    """

    def __init__(
        self,
        prepare: Callable[[Tensor], Maps],
        clip: _Clip,
        device: torch.device | str,
        memory: int | None,
    ) -> None:
        memory = default_memory(device) if memory is None else memory
        if memory < 0:
            raise ControlError(f"need memory of 0 bytes at least; got {memory}")
        self._prepare, self._clip, self._device = prepare, clip, device
        self._left = memory
        self._kept: dict[int, Maps] = {}

    def __call__(self, index: int) -> Maps:
        if index in self._kept:
            return self._kept[index]
        prepared = self._prepare(self._clip.draw(index).to(self._device))
        size = sum(part.numel() * part.element_size() for part in prepared)
        if size <= self._left:
            self._left -= size
            self._kept[index] = prepared
        return prepared


def default_memory(device: torch.device | str) -> int:
    """Bytes for what is kept across steps: an eighth of a GPU's free memory, or CPU_MEMORY."""
    device = torch.device(device)
    if device.type != "cuda":
        return CPU_MEMORY
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) // GPU_SHARE


def chunk_for(height: int, width: int) -> int:
    """How many frames of this size in pixels to encode at once."""
    return max(1, min(LONGEST_CHUNK, CHUNK_PIXELS // (height * width)))


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
