"""The denoising of one run: control hooked into the UNet, on one device or on several."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from animate.pipelines.denoiser import Conditions, Denoiser
from temporal.control import Features, join
from temporal.errors import DeviceError
from temporal.parallel import Lanes, Predict, replicate
from temporal.sampling import Denoise, Jobs, RunAll, one_by_one

Device = torch.device | str


class Helpers(Protocol):
    """Whoever else, anywhere, may predict windows of a clip, and gives what we would."""

    def begin(self, told: Denoiser) -> None:
        """A clip begins: its conditions, and how it is denoised."""
        ...

    def lanes(self, windows: int, seconds: float) -> Sequence[Predict]:
        """Those who help with the next step: of so many windows, that take so long each."""
        ...


@contextmanager
def denoising(
    pipeline: Any,
    conditions: Conditions,
    features: Features | None,
    *,
    control_scale: float,
    halves_apart: bool = False,
    devices: Sequence[Device] | None = None,
    helpers: Helpers | None = None,
) -> Iterator[tuple[Denoiser, RunAll]]:
    """Give the `denoise` and `run_all` of `temporal.sampling.sample`, hooks removed at the end.

    devices: where the windows of a step are spread to, one lane for each entry; None for the
    pipeline's own alone. A control encoder stays on the pipeline's device, a ControlNet is copied
    with the UNet. helpers are asked at each step but the first, if there are no devices. Raises
    DeviceError.
    """
    unets = _replicas(pipeline, devices or ())  # before there are hooks that a copy would share
    part = pipeline.controlnext
    with ExitStack() as stack:

        def denoiser(unet: Any, told: Conditions, replica: Device | None = None) -> Denoiser:
            stack.enter_context(joined := join(unet, part, device=replica))
            return Denoiser(
                unet=unet,
                injector=joined,
                features=features,
                control_scale=control_scale * part.scale,
                conditions=told,
                halves_apart=halves_apart,
            )

        own = denoiser(pipeline.unet, conditions)
        if not unets:
            yield own, one_by_one if helpers is None else _Helped(own, helpers).run_all
            return
        lanes = [
            own
            if unet is pipeline.unet
            else denoiser(unet, conditions.to(unet.device), unet.device)
            for unet in unets
        ]
        predicts = [lane.predict for lane in lanes]
        yield own, stack.enter_context(Lanes(predicts, own.control)).run_all


class _Helped:
    """Steps that others help with: what they are asked is measured on the steps before."""

    def __init__(self, own: Denoiser, helpers: Helpers) -> None:
        self._own, self._helpers = own, helpers
        self._windows, self._seconds = 0, 0.0
        helpers.begin(own)

    def run_all(self, denoise: Denoise, timestep: Tensor, jobs: Jobs) -> Iterator[Tensor]:
        """A `RunAll` of `temporal.sampling`."""
        others = self._helpers.lanes(self._windows, self._seconds) if self._windows else ()
        began, done = time.monotonic(), 0
        with Lanes([self._own.predict, *others], self._own.control) as lanes:
            for prediction in lanes.run_all(denoise, timestep, jobs):
                done += 1
                yield prediction
        self._windows = done
        if not others:
            self._seconds = (time.monotonic() - began) / max(1, done)


def _replicas(pipeline: Any, devices: Sequence[Device]) -> list[Any]:
    """A UNet for each device; the pipeline's own for the first that it is on."""
    if devices and _waits_elsewhere(pipeline.unet):
        raise DeviceError("several devices and offloading exclude each other: choose one of them")
    unets: list[Any] = []
    for device in devices:
        here = _index(device) == _index(pipeline.unet.device)
        taken = any(unet is pipeline.unet for unet in unets)
        try:
            unet = pipeline.unet if here and not taken else replicate(pipeline.unet, device)
        except torch.cuda.OutOfMemoryError:
            raise
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise DeviceError(f"the UNet cannot be copied to device {device}: {reason}") from error
        unets.append(unet)
    return unets


def _waits_elsewhere(unet: Any) -> bool:
    """Whether the UNet, or layers of it, come to the device only while they work."""
    registries = (getattr(module, "_diffusers_hook", None) for module in unet.modules())
    names = [name for registry in registries if registry is not None for name in registry.hooks]
    return hasattr(unet, "_hf_hook") or any("group_offload" in name for name in names)


def _index(device: Device) -> tuple[str, int]:
    device = torch.device(device)
    return device.type, device.index or 0
