"""Temporal control for video diffusion: encoder, injection, windows, sampling, decoding.

Contents
    ControlNeXt             the control encoder                     controlnext
    ControlNet              an encoder's copy beside a video UNet   controlnet
    Site, SITES             where and how control enters a UNet     sites
    Injector                the hooks that put it there             inject
    Beside                  those of a ControlNet                   beside
    join, features_of, load_control  for either kind                control
    cross_normalize         statistics of one map given to another  crossnorm
    plan_windows            overlapping windows over a clip         windows
    sample                  denoising in windows                    sampling
    Lanes                   the windows of a step on several devices  parallel
    StepCache               leaving out calls that change little    stepcache
    ConsistencyScheduler    few-step sampling                       schedulers
    decode_frames           latents to frames, a few at a time      decode
    SmallTemporalAutoencoder  SVD's autoencoder at small widths     autoencoder
    load_controlnext, save_controlnext                              checkpoints
    Patch                   weights put in and taken out again      patch
    select_trainable        which weights of a UNet are trained     trainable
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "ControlNeXt": "controlnext",
    "ControlNet": "controlnet",
    "Site": "sites",
    "SITES": "sites",
    "Injector": "inject",
    "Beside": "beside",
    "join": "control",
    "features_of": "control",
    "load_control": "control",
    "cross_normalize": "crossnorm",
    "plan_windows": "windows",
    "sample": "sampling",
    "Lanes": "parallel",
    "StepCache": "stepcache",
    "ConsistencyScheduler": "schedulers",
    "decode_frames": "decode",
    "SmallTemporalAutoencoder": "autoencoder",
    "load_controlnext": "checkpoints",
    "save_controlnext": "checkpoints",
    "Patch": "patch",
    "select_trainable": "trainable",
    "TemporalError": "errors",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: torch and diffusers are slow to load."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
