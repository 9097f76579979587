"""Where control enters a UNet: one record per model family, and the hook that puts it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from temporal.crossnorm import Order, fit_control
from temporal.errors import InjectionError


@dataclass(frozen=True, kw_only=True)
class Site:
    """One way of adding a control map to a feature map inside a UNet.

    module: dotted name of the block; when: add to what leaves it or to what enters it.
    order, eps: see `crossnorm.fit_control`. The map is added times gain * act(scale).
    uncond_scale: scale of the unconditional guidance half, as a fraction of the other half's.
    anchored: in official windows, slot 0 is conditioned on frame 0 of the clip.
    """

    module: str
    when: Literal["before", "after"]
    order: Order
    eps: float
    gain: float = 1.0
    act: Literal["identity", "sigmoid"] = "identity"
    uncond_scale: float = 1.0
    anchored: bool = True

    def add(self, feature: Tensor, control: Tensor, scale: float | Tensor = 1.0) -> Tensor:
        """Return the feature map with the control map added, in the feature's dtype.

        feature: (N, C, H, W); control: (N, C, h, w); scale: a number, or (N,) or (N, 1, 1, 1).
        """
        fitted = fit_control(control, feature, eps=self.eps, order=self.order)
        return (feature + fitted * self._strength(scale, feature)).to(feature.dtype)

    def _strength(self, scale: float | Tensor, feature: Tensor) -> Tensor:
        strength = torch.as_tensor(scale, dtype=torch.float32, device=feature.device)
        if strength.ndim == 1:
            strength = strength[:, None, None, None]
        if self.act == "sigmoid":
            strength = strength.sigmoid()
        return strength * self.gain


# The six published variants; source: the official code, in numbers in the golden fixtures.
SVD_V2 = Site(
    module="down_blocks.0",
    when="after",
    order="norm_pool",
    eps=1e-5,
    gain=0.2,
    uncond_scale=0.0,
)
SITES: dict[str, Site] = {
    "svd_v2": SVD_V2,
    "svd_v2_training": SVD_V2,
    "svd_v1": Site(
        module="mid_block",
        when="before",
        order="norm_pool",
        eps=1e-5,
        gain=1.3,
        act="sigmoid",
        uncond_scale=0.0,
        anchored=False,
    ),
    # Before block 0 rather than after conv_in: a hook on conv_in would change the first skip too.
    "sdxl": Site(module="down_blocks.0", when="before", order="norm_pool", eps=1e-12),
    "sd15_legacy": Site(module="mid_block", when="after", order="pool_norm", eps=1e-12),
    "sd15_training": Site(module="down_blocks.0", when="after", order="pool_norm", eps=1e-12),
}


def find_site(value: str | Mapping[str, Any] | Site, *, gain: float | None = None) -> Site:
    """Return the record that a config value names or spells out; `gain` replaces its gain."""
    if isinstance(value, str):
        if value not in SITES:
            raise InjectionError(f"unknown site {value!r}; known: {', '.join(SITES)}")
        site = SITES[value]
    elif isinstance(value, Site):
        site = value
    else:
        unknown = set(value) - {field.name for field in fields(Site)}
        if unknown:
            raise InjectionError(f"unknown entries in site record: {', '.join(sorted(unknown))}")
        site = Site(**value)
    return site if gain is None else replace(site, gain=gain)


def describe_site(site: Site) -> dict[str, Any]:
    """Return the record as plain values for a checkpoint's config; `find_site` reads it back."""
    return asdict(site)


class Injector:
    """A removable hook that adds the control map it currently holds to a UNet's features.

    Without control (`set(None)`, or nothing set yet) the UNet runs untouched. Skips that were
    collected before the site keep the value without control.
    """

    def __init__(self, unet: nn.Module, site: Site) -> None:
        self.site = site
        self._control: Tensor | None = None
        self._scale: float | Tensor = 1.0
        try:
            block = unet.get_submodule(site.module)
        except AttributeError as error:
            raise InjectionError(
                f"{type(unet).__name__} has no module {site.module!r}; choose another site"
            ) from error
        if site.when == "after":
            self._handle = block.register_forward_hook(self._after)
        else:
            self._handle = block.register_forward_pre_hook(self._before, with_kwargs=True)

    def set(self, control: Tensor | None, scale: float | Tensor = 1.0) -> None:
        """Hold this control for the next forward passes.

        control: (N, C, h, w), or None for none. If the UNet's batch is a multiple of N (guidance
        halves), the control is repeated. scale: a number, or one per UNet sample, (M,) or
        (M, 1, 1, 1).
        """
        if control is not None and control.ndim != 4:
            raise InjectionError(f"control must be (N, C, h, w), got {tuple(control.shape)}")
        self._control, self._scale = control, scale

    def remove(self) -> None:
        """Take the hook out and forget the control; may be called twice."""
        self._handle.remove()
        self._control = None

    def __enter__(self) -> Injector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def _before(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # diffusers passes the hidden state by name in some UNets and by position in others.
        if "hidden_states" in kwargs:
            return args, {**kwargs, "hidden_states": self._add(kwargs["hidden_states"])}
        return (self._add(args[0]), *args[1:]), kwargs

    def _after(self, module: nn.Module, args: Any, output: Any) -> Any:
        # Down blocks return (hidden state, skips), the middle block a bare tensor.
        if isinstance(output, tuple):
            return (self._add(output[0]), *output[1:])
        return self._add(output)

    def _add(self, feature: Tensor) -> Tensor:
        if self._control is None:
            return feature
        return self.site.add(feature, self._matched(self._control, feature), self._scale)

    def _matched(self, control: Tensor, feature: Tensor) -> Tensor:
        times, rest = divmod(feature.shape[0], control.shape[0])
        if rest or control.shape[1] != feature.shape[1]:
            raise InjectionError(
                f"control {tuple(control.shape)} does not fit the features "
                f"{tuple(feature.shape)} at {self.site.module}: channels must be equal and the "
                "batch a multiple; check the encoder's out_channels and the number of frames"
            )
        return control.repeat(times, 1, 1, 1) if times > 1 else control


def inject(unet: nn.Module, site: Site | str, *, gain: float | None = None) -> Injector:
    """Hook a UNet at a site; use as a context manager, or call `.remove()` when done."""
    return Injector(unet, find_site(site, gain=gain))
