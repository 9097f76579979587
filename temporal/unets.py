"""A video UNet from a folder, with the weights of another file put in."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from torch import Tensor

from temporal import official
from temporal.checkpoints import read_unet
from temporal.errors import CheckpointError
from temporal.keys import compare_keys
from temporal.patch import Patch
from temporal.tensorfiles import read_tensors


def load_unet(
    folder: str | Path,
    weights: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
    increments: bool | None = None,
    allow_pickle: bool = False,
) -> tuple[UNetSpatioTemporalConditionModel, str]:
    """Build the UNet of a diffusers folder with other weights, and say in a line what was done.

    folder: config.json, and the base's weights; these are read only if `weights` holds part of
    the tensors or increments. weights, increments: see `checkpoints.read_unet`. Full values never
    exist twice: a few-step or finetuned UNet costs no more memory than its file.
    Raises CheckpointError.
    """
    folder, weights = Path(folder), Path(weights)
    base = _base(folder) if increments is None and official.named_increments(weights) else None
    tensors, added = read_unet(weights, base, increments=increments, allow_pickle=allow_pickle)
    config = UNetSpatioTemporalConditionModel.load_config(folder)
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel.from_config(config)
    report = compare_keys(unet, tensors)
    if problems := report.problems(partial=True):
        raise CheckpointError(f"{weights} does not fit the base model's UNet: {problems}")
    if added or report.missing:
        _assign(unet, _needed_base(folder, weights, base), dtype)
        told = str(Patch(unet, tensors, increments=added, source=weights, keep=False))
    else:
        _assign(unet, tensors, dtype)
        told = f"all {report.total} tensors"
    return unet.eval(), f"UNet: {told} from {weights.name}"


def _base(folder: Path) -> dict[str, Tensor] | None:
    try:
        return read_tensors(folder)
    except CheckpointError:
        return None


def _needed_base(folder: Path, weights: Path, base: dict[str, Tensor] | None) -> dict[str, Tensor]:
    try:
        return base or read_tensors(folder)
    except CheckpointError as error:
        raise CheckpointError(
            f"{weights} holds part of a UNet or increments, which need the base model's weights: "
            f"{error}"
        ) from error


def _assign(
    unet: UNetSpatioTemporalConditionModel, tensors: dict[str, Tensor], dtype: torch.dtype
) -> None:
    """Put tensors in the place of a blank module's, converted one after the other."""
    problems = compare_keys(unet, tensors).problems()
    if problems:
        raise CheckpointError(f"the base model's UNet is damaged: {problems}")
    # A copy even in the same format: the tensors may be a view of the file.
    unet.load_state_dict({k: t.to(dtype, copy=True) for k, t in tensors.items()}, assign=True)
