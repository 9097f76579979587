"""Diffusers pipelines with ControlNeXt.

Contents
    ControlNeXtVideoPipeline    a picture and control frames -> video    video
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animate.pipelines.video import ControlNeXtVideoPipeline

__all__ = ["ControlNeXtVideoPipeline"]


def __getattr__(name: str) -> Any:
    """Import the pipeline when it is first asked for: diffusers is slow to load."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from animate.pipelines import video

    return getattr(video, name)
