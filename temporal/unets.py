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
    tensors, added, base = read_for(
        folder, weights, increments=increments, allow_pickle=allow_pickle
    )
    unet = _blank(folder)
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


def read_for(
    folder: str | Path,
    weights: str | Path,
    *,
    increments: bool | None = None,
    allow_pickle: bool = False,
) -> tuple[dict[str, Tensor], bool, dict[str, Tensor] | None]:
    """`checkpoints.read_unet`, and the base's tensors if a look at them was needed."""
    look = increments is None and official.named_increments(weights)
    base = _base(Path(folder)) if look else None
    tensors, added = read_unet(weights, base, increments=increments, allow_pickle=allow_pickle)
    return tensors, added, base


def complete(
    folder: str | Path, tensors: dict[str, Tensor], *, increments: bool
) -> dict[str, Tensor]:
    """Return the tensors of a whole UNet: those given, the rest from a diffusers folder.

    Sums with increments have the base's number format. Raises CheckpointError.
    """
    report = compare_keys(_blank(Path(folder)), tensors)
    if problems := report.problems(partial=True):
        raise CheckpointError(f"the UNet does not belong to {folder}: {problems}")
    if not increments and not report.missing:
        return tensors
    base = _needed_base(Path(folder), Path("the source"), None)
    if not increments:
        return {**base, **tensors}
    sums = {k: (base[k].float() + t.float()).to(base[k].dtype) for k, t in tensors.items()}
    return {**base, **sums}


def _blank(folder: Path) -> UNetSpatioTemporalConditionModel:
    """The UNet that a folder describes, without memory for weights."""
    config = UNetSpatioTemporalConditionModel.load_config(folder)
    with torch.device("meta"):
        unet: UNetSpatioTemporalConditionModel = UNetSpatioTemporalConditionModel.from_config(
            config
        )
    return unet


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
