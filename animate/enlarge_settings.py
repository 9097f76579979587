"""What may be chosen when a picture or film is enlarged, checked before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from animate.checks import LARGEST_SEED, check_choice, check_count, check_exists, check_number
from animate.config import DEVICES, DTYPES
from animate.errors import UsageError

LARGEST = 4.0  # factor
OVERLAP = 0.25  # of a tile, shared with the next


@dataclass(frozen=True, kw_only=True)
class UpscaleSettings:
    """What a caller may choose; None means the model's own default.

    factor: above 1, at most 4. model: sd3, mini-sd3 or a folder of that family; weights: the
    ControlNeXt part. tile: pixels of a tile's side; overlap: the share of it that neighbours
    share. guidance: by the prompt; without one there is none. control_scale: how strictly the
    picture is followed. faithful: scaled down again, the result is the picture. Raises UsageError.
    """

    factor: float = 4.0
    model: str = "mini-sd3"
    weights: str | None = None
    prompt: str = ""
    guidance: float | None = None
    control_scale: float = 1.0
    detail: float | None = None
    steps: int | None = None
    seed: int = 0
    tile: int | None = None
    overlap: float = OVERLAP
    faithful: bool = True
    device: str = "auto"
    dtype: str = "auto"

    def __post_init__(self) -> None:
        check_number("factor", self.factor, above=1.0)
        if self.factor > LARGEST:
            raise UsageError(f"--factor expects at most {LARGEST:g}, got {self.factor:g}")
        check_number("guidance", self.guidance, at_least=1.0)
        check_number("control_scale", self.control_scale, at_least=0.0)
        check_number("detail", self.detail, at_least=0.0)
        check_number("overlap", self.overlap, at_least=0.0, at_most=0.5)
        check_count("steps", self.steps, at_least=1)
        check_count("seed", self.seed, at_least=0, at_most=LARGEST_SEED)
        check_count("tile", self.tile, at_least=32)
        check_exists("weights", self.weights)
        check_choice("device", self.device, DEVICES)
        check_choice("dtype", self.dtype, DTYPES)
