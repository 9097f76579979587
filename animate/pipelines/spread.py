"""The denoising of one run: control hooked into the UNet, on one device or on several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch

from animate.pipelines.denoiser import Conditions, Denoiser
from temporal.errors import DeviceError
from temporal.features import ControlFeatures
from temporal.inject import inject
from temporal.parallel import Lanes, replicate
from temporal.sampling import RunAll, one_by_one

Device = torch.device | str


@contextmanager
def denoising(
    pipeline: Any,
    conditions: Conditions,
    features: ControlFeatures | None,
    *,
    control_scale: float,
    halves_apart: bool = False,
    devices: Sequence[Device] | None = None,
) -> Iterator[tuple[Denoiser, RunAll]]:
    """Give the `denoise` and `run_all` of `temporal.sampling.sample`, hooks removed at the end.

    devices: where the windows of a step are spread to, one lane for each entry; None for the
    pipeline's own alone. The control encoder stays on the pipeline's device. Raises DeviceError.
    """
    unets = _replicas(pipeline, devices or ())  # before there are hooks that a copy would share
    with ExitStack() as stack:

        def denoiser(unet: Any, told: Conditions) -> Denoiser:
            return Denoiser(
                unet=unet,
                injector=stack.enter_context(inject(unet, pipeline.controlnext.injection)),
                features=features,
                control_scale=control_scale * pipeline.controlnext.scale,
                conditions=told,
                halves_apart=halves_apart,
            )

        own = denoiser(pipeline.unet, conditions)
        if not unets:
            yield own, one_by_one
            return
        lanes = [
            own if unet is pipeline.unet else denoiser(unet, _moved(conditions, unet.device))
            for unet in unets
        ]
        predicts = [lane.predict for lane in lanes]
        yield own, stack.enter_context(Lanes(predicts, own.control)).run_all


def _replicas(pipeline: Any, devices: Sequence[Device]) -> list[Any]:
    """A UNet for each device; the pipeline's own for the first that it is on."""
    if devices and hasattr(pipeline.unet, "_hf_hook"):
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


def _index(device: Device) -> tuple[str, int]:
    device = torch.device(device)
    return device.type, device.index or 0


def _moved(conditions: Conditions, device: torch.device) -> Conditions:
    return replace(
        conditions,
        embeddings=conditions.embeddings.to(device),
        image_latents=conditions.image_latents.to(device),
        time_ids=conditions.time_ids.to(device),
    )
