"""Errors of the temporal package.

TemporalError
├── CheckpointError     a file or state dict does not fit the model
├── ControlError        control frames or features of an unusable shape or range
├── InjectionError      the control cannot be put into this UNet
├── WindowError         window and overlap that cover no clip
├── DeviceError         a device cannot take its share of the work
└── DivergenceError     latents became NaN or infinite
"""

from __future__ import annotations


class TemporalError(Exception):
    """Root of everything this package raises on purpose."""


class CheckpointError(TemporalError):
    """A checkpoint is missing, unreadable, or does not fit the model."""


class ControlError(TemporalError, ValueError):
    """Control frames or control features have an unusable shape or range."""


class InjectionError(TemporalError):
    """The control cannot be put into this UNet at this place."""


class WindowError(TemporalError, ValueError):
    """Window and overlap that cannot cover a clip."""


class DeviceError(TemporalError):
    """A device cannot take its share of the work."""


class DivergenceError(TemporalError):
    """Latents became NaN or infinite during sampling."""
