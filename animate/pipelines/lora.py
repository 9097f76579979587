"""LoRA weights for the video pipeline, with the methods that diffusers users know."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin
from diffusers.loaders.peft import PeftAdapterMixin
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from diffusers.utils import is_peft_available
from torch import nn

from temporal.errors import CheckpointError

MOST_TOLD = 300  # characters of a library's complaint
PREFIX = "unet."  # of the names of a pipeline's LoRA weights; diffusers' convention
LAYER = re.compile(r"\.(lora_|lora\.|processor\.|alpha$|dora_scale$|diff_b$|diff$|bias$).*")


class AdaptableUNet(UNetSpatioTemporalConditionModel, PeftAdapterMixin):  # type: ignore[misc, unused-ignore]
    """The UNet while it has adapters: diffusers gives its other UNets these methods, not this one.

    Loaded UNets become one when LoRA weights come and what they were when all are gone, so that
    saved models name a class that diffusers has.
    """


class UNetLoraMixin(StableDiffusionLoraLoaderMixin):  # type: ignore[misc, unused-ignore]
    """`load_lora_weights`, `set_adapters`, `fuse_lora`, `unload_lora_weights` ... for a UNet alone.

    Needs peft. Weights are read from safetensors only, unless use_safetensors=False is given.
    """

    _lora_loadable_modules = ["unet"]  # noqa: RUF012  (diffusers' own declaration)
    unet: Any

    def load_lora_weights(
        self, source: Any, adapter_name: str | None = None, hotswap: bool = False, **kwargs: Any
    ) -> None:
        """Add LoRA weights from a file, a folder, a repository, or a dictionary of tensors.

        Names may begin with "unet." or with the UNet's own modules. kwargs: those of diffusers,
        such as weight_name and subfolder. Raises ImportError without peft, CheckpointError if
        the weights are for another model.
        """
        if not is_peft_available():
            raise ImportError("LoRA weights need peft: pip install 'animate-controlnext[lora]'")
        if not isinstance(self.unet, UNetSpatioTemporalConditionModel):
            raise CheckpointError(
                f"LoRA weights cannot be put into a {type(self.unet).__name__}: load them before "
                "the UNet is compiled or wrapped"
            )
        loading = {key: kwargs.pop(key) for key in ("low_cpu_mem_usage",) if key in kwargs}
        if kwargs.setdefault("use_safetensors", True):
            refuse_pickle(source, kwargs.get("weight_name"))
        try:
            weights, alphas, metadata = self.lora_state_dict(
                dict(source) if isinstance(source, dict) else source,
                return_lora_metadata=True,
                **kwargs,
            )
        except (TypeError, ImportError):  # of the call itself, and of peft
            raise
        except Exception as error:  # whatever a damaged file makes diffusers raise
            raise CheckpointError(f"{_told(source)}: no LoRA weights: {_reason(error)}") from error
        weights = {_renamed(name): value for name, value in weights.items()}
        alphas = {_renamed(name): value for name, value in (alphas or {}).items()} or None
        weights = _for_unet(weights, self.unet)
        _refuse_unknown(weights, self.unet)
        self.unet.__class__ = AdaptableUNet
        try:
            self.load_lora_into_unet(
                weights,
                network_alphas=alphas,
                unet=self.unet,
                adapter_name=adapter_name,
                metadata=metadata,
                _pipeline=self,
                hotswap=hotswap,
                **loading,
            )
        except (RuntimeError, ValueError, LookupError, AttributeError) as error:
            if not getattr(self.unet, "peft_config", None):
                self.unload_lora_weights()  # what was begun: empty layers around the weights
            raise CheckpointError(
                f"the LoRA weights do not fit this UNet: {_reason(error)}"
            ) from error

    def fuse_lora(self, components: Sequence[str] = ("unet",), **kwargs: Any) -> None:
        """Work the adapters into the UNet's own weights; kwargs: those of diffusers."""
        super().fuse_lora(components=list(components), **kwargs)

    def unfuse_lora(self, components: Sequence[str] = ("unet",), **kwargs: Any) -> None:
        """Take fused adapters out of the UNet's weights again."""
        super().unfuse_lora(components=list(components), **kwargs)

    def unload_lora_weights(self) -> None:
        """Take all LoRA weights out again; the UNet is what it was before."""
        if isinstance(self.unet, AdaptableUNet):
            super().unload_lora_weights()
            self.unet.__class__ = UNetSpatioTemporalConditionModel


@contextmanager
def adapters_kept(pipeline: Any) -> Iterator[Callable[[dict[str, float]], None]]:
    """Inside, adapters may be loaded; afterwards the pipeline has those it had, as they were.

    Gives what lets new ones act: act({name: scale}), beside those that act already.
    """
    before = _adapters(pipeline)
    layers = [(one, list(one.active_adapters), dict(one.scaling)) for one in _tuned(pipeline)]

    def act(scales: dict[str, float]) -> None:
        pipeline.set_adapters(list(scales), list(scales.values()))
        for layer, active, scaling in layers:
            layer.scaling.update(scaling)
            layer.set_adapter([*active, *(name for name in scales if name in layer.scaling)])

    try:
        yield act
    finally:
        if not before:
            pipeline.unload_lora_weights()
        elif came := _adapters(pipeline) - before:
            pipeline.delete_adapters(sorted(came))
        for layer, active, scaling in layers:
            layer.scaling.update(scaling)
            layer.set_adapter(active)


def _adapters(pipeline: Any) -> set[str]:
    return {name for names in pipeline.get_list_adapters().values() for name in names}


def _tuned(pipeline: Any) -> list[Any]:
    """The layers that adapters are in."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    parts = [part for part in pipeline.components.values() if isinstance(part, nn.Module)]
    return [one for part in parts for one in part.modules() if isinstance(one, BaseTunerLayer)]


def refuse_pickle(source: Any, weight_name: str | None = None) -> None:
    """Raise CheckpointError if a file or folder has LoRA weights in other forms alone."""
    # diffusers reads a file with another ending whatever use_safetensors says.
    names = [weight_name] if weight_name else []
    if not weight_name and isinstance(source, str | os.PathLike):
        path = Path(source)
        names = [file.name for file in path.iterdir()] if path.is_dir() else [path.name]
        names = names if path.exists() else []
    if names and not any(name.endswith(".safetensors") for name in names):
        raise CheckpointError(
            f"{source}: no safetensors file; pickled LoRA weights are read only with "
            "use_safetensors=False"
        )


def _renamed(name: str) -> str:
    """A name that diffusers made of kohya's, whose underscores stand for dots, as SVD has it."""
    return name.replace(".temporal.transformer_blocks.", ".temporal_transformer_blocks.")


def _refuse_unknown(weights: dict[str, Any], unet: Any) -> None:
    """Raise CheckpointError if some are for layers that the UNet has not: the rest would be odd."""
    layers = {name for name, _ in unet.named_modules()}
    asked = {LAYER.sub("", name.removeprefix(PREFIX)) for name in weights}
    # Layers that have adapters already lie one level deeper.
    unknown = sorted(asked - {name.replace(".base_layer", "") for name in layers})
    if unknown:
        raise CheckpointError(
            f"{len(unknown)} of the {len(asked)} layers of the LoRA weights are not in this UNet, "
            f"such as {unknown[0]}; LoRA weights of this very model, named as diffusers does, are "
            "needed"
        )


def _told(source: Any) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else "the LoRA weights given"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:MOST_TOLD] or type(error).__name__


def _for_unet(weights: dict[str, Any], unet: Any) -> dict[str, Any]:
    """The weights under names that begin with the prefix."""
    chosen = {name: value for name, value in weights.items() if name.startswith(PREFIX)}
    if not chosen:
        # Written by peft itself, or straight from the UNet.
        bare = {name.removeprefix("base_model.model."): value for name, value in weights.items()}
        parts = {name for name, _ in unet.named_children()}
        chosen = {PREFIX + n: value for n, value in bare.items() if n.split(".")[0] in parts}
    if not chosen:
        example = next(iter(weights), "nothing")
        raise CheckpointError(
            f"the LoRA weights have nothing for this UNet (they have {example}); "
            "LoRA weights of Stable Video Diffusion are needed"
        )
    return chosen
