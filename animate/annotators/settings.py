"""What can be chosen about how maps are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from animate.checks import check_choice, check_number
from animate.config import DEVICES, LOOKS
from animate.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class MapSettings:
    """Choices for all kinds; each annotator reads what concerns it.

    look: how skeletons are drawn, as the checkpoint wants it; pose_backend: who finds them. low,
    high: canny's thresholds (0 to 255), by the picture's brightness if not given. thin: soft edges
    reduced to ridges one pixel wide. shortest: straight lines shorter than this part of the short
    side are left out. model: folder of a learned annotator, its own place in the cache if not
    given; device: where it runs.
    """

    look: str = "openpose"
    pose_backend: str = "auto"
    low: float | None = None
    high: float | None = None
    thin: bool = False
    shortest: float = 0.04
    model: Path | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        check_choice("look", self.look, LOOKS)
        check_choice("device", self.device, DEVICES)
        for name in ("low", "high"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), at_least=0, at_most=255)
        check_number("shortest", self.shortest, at_least=0, at_most=1)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise UsageError(f"--low {self.low:g} must not be above --high {self.high:g}")


def device_of(name: str) -> str:
    """Where torch runs for a setting of `device`."""
    import torch

    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"
