"""What a model's parts need, found by running them without weights or values.

A part built on torch's meta device computes shapes alone, in under a second whatever its size.
While it runs, every tensor's life is followed and every operation's floating-point work counted:
the peak is what an allocator without waste needs. scripts/bench_planner.py compares with reality.
"""

from __future__ import annotations

import json
import struct
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import flop_registry

from animate.errors import ModelError
from animate.files import read_object

MOST_HEADER = 100_000_000  # bytes: the format's own limit
NEEDED = {"latent_channels": int, "block_out_channels": list, "_class_name": str}
NO_JSON = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
MOST_TOLD = 200  # characters of a library's complaint


@dataclass(frozen=True, kw_only=True)
class Need:
    """One call's peak of live tensors besides the weights, in bytes, and its operations."""

    memory: int
    flops: int


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]
    """Inside, `live` and `peak` are bytes of tensors alive, `flops` the operations so far."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.live = self.peak = self.flops = 0
        # Views of weights are no new memory.
        weights = [*model.parameters(), *model.buffers()]
        self._sizes = {weight.untyped_storage()._cdata: 0 for weight in weights}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.flops += count(*args, **kwargs, out_val=result)
        for value in tree_iter(result):
            if isinstance(value, Tensor):
                self._follow(value.untyped_storage())
        self.peak = max(self.peak, self.live)
        return result

    def _follow(self, storage: Any) -> None:
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.live += storage.nbytes()
            weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.live -= self._sizes.pop(key, 0)


class FusedAttention(TorchFunctionMode):
    """Attention without the matrix of scores, as it runs on every device; meta would make it."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is not nn.functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, key, value = args[:3]
        # Two products of (queries x keys x width), two operations per entry.
        self._meter.flops += 4 * prod(query.shape) * key.shape[-2]
        return query.new_empty((*query.shape[:-1], value.shape[-1]))


def run_dry(model: nn.Module, call: Callable[[], Any]) -> Need:
    """What `call`, which uses the model, would need."""
    meter = Meter(model)
    try:
        with torch.no_grad(), FusedAttention(meter), meter:
            call()
    except (RuntimeError, ValueError, TypeError, LookupError) as error:
        reason = " ".join(str(error).split())[:MOST_TOLD]
        name = type(model).__name__
        raise ModelError(f"the {name} of a config.json cannot run: {reason}") from error
    return Need(memory=meter.peak, flops=meter.flops)


@lru_cache(maxsize=64)
def denoising(
    base: Path,
    frames: int,
    halves: int,
    size: tuple[int, int],
    dtype: str,
    beside: Path | None = None,
) -> Need:
    """One call of the UNet in folder `base`; size: (width, height) of the latents.

    beside: folder of a ControlNet that works in the call too.
    """
    from diffusers import UNetSpatioTemporalConditionModel

    from temporal.beside import Beside
    from temporal.controlnet import ControlNet

    number = getattr(torch, dtype)
    config = _config(base / "unet")
    unet = _without_weights(UNetSpatioTemporalConditionModel, config, number)
    width, height = size
    told = unet.config

    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, dtype=number, device="meta")

    noisy = empty(halves, frames, told["in_channels"], height, width)
    embedded = empty(frames, told["block_out_channels"][0], height, width)

    def call() -> None:
        unet(
            noisy,
            torch.empty((), device="meta"),
            encoder_hidden_states=empty(halves, 1, told["cross_attention_dim"]),
            added_time_ids=empty(halves, 3),
        )

    if beside is None:
        return run_dry(unet, call)
    part = _without_weights(ControlNet, _config(beside), number)
    with Beside(unet, part) as joined:
        joined.set((embedded,))
        return run_dry(nn.ModuleList([unet, part]), call)


@lru_cache(maxsize=64)
def decoding(base: Path, frames: int, size: tuple[int, int], dtype: str) -> Need:
    """One call of the VAE's decoder in folder `base`; size: (width, height) of the latents."""
    from diffusers import AutoencoderKLTemporalDecoder

    from temporal.autoencoder import SmallTemporalAutoencoder

    config = _config(base / "vae", "_class_name")
    small = config["_class_name"] == SmallTemporalAutoencoder.__name__
    kind = SmallTemporalAutoencoder if small else AutoencoderKLTemporalDecoder
    number = getattr(torch, dtype)
    vae = _without_weights(kind, config, number)
    (channels, _), (width, height) = _grid(vae.config), size
    latents = torch.empty(frames, channels, height, width, dtype=number, device="meta")
    return run_dry(vae, lambda: vae.decode(latents, num_frames=frames))


def upcasts(base: Path) -> bool:
    """Whether the VAE in folder `base` runs in float32 where the rest is in float16."""
    return bool(_config(base / "vae").get("force_upcast", False))


def channels_and_scale(base: Path) -> tuple[int, int]:
    """Channels of the model's latents, and pixels per latent pixel along a side."""
    config = _config(base / "vae", "latent_channels", "block_out_channels")
    return _grid(config)


def _grid(config: Mapping[str, Any]) -> tuple[int, int]:
    """Channels of the latents and pixels to a side of one, see ``SmallTemporalAutoencoder``."""
    patch = int(config.get("patch_size", 1))
    halvings = len(config["block_out_channels"]) - 1
    return config["latent_channels"] * patch**2, int(2**halvings) * patch


def size_multiple(base: Path) -> int:
    """What height and width should be multiples of, as the pipeline's `size_multiple`."""
    levels = len(_config(base / "unet", "block_out_channels")["block_out_channels"])
    return channels_and_scale(base)[1] * int(2 ** (levels - 1))


def count_weights(place: Path) -> int:
    """Numbers in the safetensors files of a folder, or in one file, from the headers alone."""
    if place.is_file():
        return _count_file(place)
    files = sorted(place.glob("*.safetensors"))
    whole = [file for file in files if ".fp16." not in file.name]
    return sum(_count_file(file) for file in whole or files)


def _count_file(file: Path) -> int:
    if file.suffix != ".safetensors":
        return file.stat().st_size // 4  # a pickle, of single precision
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            header = json.loads(opened.read(min(length, MOST_HEADER)))
        header.pop("__metadata__", None)
        return sum(prod(entry["shape"]) for entry in header.values())
    except (OSError, struct.error, *NO_JSON) as error:
        raise ModelError(f"{file} is damaged; copy or download it again") from error


def _config(folder: Path, *needed: str) -> dict[str, Any]:
    path = folder / "config.json"
    config = read_object(path)
    for name in needed:
        if type(config.get(name)) is not NEEDED[name]:
            raise ModelError(f"{path}: {name} is missing or wrong; copy or download it again")
    return config


def _without_weights(kind: Any, config: dict[str, Any], number: torch.dtype) -> Any:
    try:
        with torch.device("meta"):
            model = kind.from_config(config)
    except Exception as error:  # settings without sense make a model raise anything
        reason = " ".join(str(error).split())[:MOST_TOLD] or type(error).__name__
        raise ModelError(f"a config.json makes no {kind.__name__}: {reason}") from error
    # Some numbers are made on the CPU whatever the device; nn.Module's own `to` gives no advice.
    return nn.Module.to(model, "meta", number)
