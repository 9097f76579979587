"""Either kind of control part, ControlNeXt or ControlNet: its features, its hooks, its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from temporal.beside import Beside
from temporal.checkpoints import load_controlnet, load_controlnext, names_controlnet
from temporal.controlnet import ControlNet
from temporal.controlnext import ControlNeXt
from temporal.features import ControlFeatures, ControlSource, EmbeddedControl
from temporal.inject import Injector, inject
from temporal.parallel import replicate

ControlPart = ControlNeXt | ControlNet
Features = ControlFeatures | EmbeddedControl
Joined = Injector | Beside


def join(unet: Any, part: ControlPart, *, device: torch.device | str | None = None) -> Joined:
    """Hook a UNet for the part's control; use as a context manager, or `.remove()` when done.

    device: where a replica of a ControlNet works beside this UNet, as for the replica of a UNet;
    None for the ControlNet itself, where it is. Of a ControlNeXt only the features come here.
    """
    if isinstance(part, ControlNet):
        return Beside(unet, part if device is None else replicate(part, device))
    return inject(unet, part.injection)


def features_of(
    part: ControlPart,
    control: ControlSource,
    *,
    reference: Tensor | None = None,
    drafts: Tensor | None = None,
    **clip: Any,
) -> Features:
    """The features of a clip's windows by this part, for what `join` gives.

    reference, drafts: for a part that sees them. clip: device, frames, chunk, memory. All as
    `ControlFeatures` takes them.
    """
    if isinstance(part, ControlNet):
        return EmbeddedControl(part, control, **clip)
    return ControlFeatures(part, control, reference=reference, drafts=drafts, **clip)


def load_control(
    path: str | Path,
    *,
    variant: str | None = None,
    allow_pickle: bool = False,
    report: Callable[[str], None] | None = None,
) -> ControlPart:
    """Load a part of either kind; see `checkpoints.load_controlnext` and `load_controlnet`.

    variant and allow_pickle are for a ControlNeXt's files. Raises CheckpointError.
    """
    if names_controlnet(path):
        return load_controlnet(path)
    return load_controlnext(path, variant=variant, allow_pickle=allow_pickle, report=report)
