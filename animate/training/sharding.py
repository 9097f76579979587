"""What is different where accelerate spreads a model's weights over processes.

FSDP's second version makes every trained weight a ``DTensor``: each process holds a piece, and
work on the pieces is work on the whole. DeepSpeed's stages 1 and 2 leave the weights whole and
spread what the optimizer knows. Both are told here what the run's settings say, since their own
launchers' defaults would silently win.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedType, parse_flag_from_env
from torch import Tensor, nn

from animate.errors import UsageError
from animate.training.settings import LoopSettings

WHOLE = (DistributedType.NO, DistributedType.MULTI_CPU)
SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED)
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
WHOLE_STAGES = (0, 1, 2)  # of DeepSpeed; beyond, a process does not have whole weights


def check_offered(state: PartialState) -> None:
    """Raise UsageError if FSDP was asked for and accelerate would silently do without."""
    if parse_flag_from_env("ACCELERATE_USE_FSDP") and state.distributed_type in WHOLE:
        raise UsageError(
            "FSDP was asked for, but accelerate spreads weights over GPUs only, and none is used "
            "here; launch without it"
        )


def is_sharded(accelerator: Accelerator) -> bool:
    """Whether processes hold parts: checkpoints are then accelerate's, and previews left out."""
    return accelerator.distributed_type in SHARDED


def settle(accelerator: Accelerator, settings: LoopSettings) -> None:
    """Bring what was launched in line with the run. Raises UsageError for what cannot be had."""
    if accelerator.distributed_type == DistributedType.FSDP:
        settle_fsdp(accelerator.state.fsdp_plugin)
    elif accelerator.distributed_type == DistributedType.DEEPSPEED:
        settle_deepspeed(accelerator.state.deepspeed_plugin.deepspeed_config, settings)
        accelerator.gradient_accumulation_steps = settings.accumulate


def settle_fsdp(plugin: Any) -> None:
    """Set what a ``FullyShardedDataParallelPlugin`` must not decide. Raises UsageError."""
    version = getattr(plugin, "fsdp_version", 1)
    if version != 2:
        raise UsageError(
            f"FSDP version {version} would flatten the weights, which this loop cannot "
            "average and clip; set fsdp_version: 2"
        )
    # Every process has loaded the weights itself; accelerate's way of sending them from the first
    # one fails for models with buffers, such as SD3's.
    plugin.cpu_ram_efficient_loading = False
    # The numbers are autocast's, as without FSDP: accelerate's policy turns weights into halves
    # but not a batch, which it does not know.
    plugin.mixed_precision_policy = None


def settle_deepspeed(config: dict[str, Any], settings: LoopSettings) -> None:
    """Tell DeepSpeed's configuration what the settings say. Raises UsageError."""
    stage = config.get("zero_optimization", {}).get("stage", 0)
    if stage not in WHOLE_STAGES:
        raise UsageError(
            f"DeepSpeed stage {stage} leaves no process a weight that could be averaged; take "
            "stage 2, or FSDP"
        )
    # What a data loader would have told it, and what its launcher has defaults for.
    config["train_micro_batch_size_per_gpu"] = settings.batch
    config["gradient_accumulation_steps"] = settings.accumulate
    config["gradient_clipping"] = settings.clip


def lay_out(accelerator: Accelerator, module: nn.Module) -> None:
    """Lay the weights out plainly, as FSDP wants them."""
    if accelerator.distributed_type == DistributedType.FSDP:
        for parameter in module.parameters():
            parameter.data = parameter.data.contiguous()


def autocast(accelerator: Accelerator) -> AbstractContextManager[Any]:
    """The forward pass's numbers, which accelerate sets by itself only for whole models."""
    half = HALVES.get(accelerator.mixed_precision)
    if half is None or not is_sharded(accelerator):
        return nullcontext()
    # Gathered weights are given back soon: copies of them in halves must not stay either.
    return torch.autocast(accelerator.device.type, half, cache_enabled=False)


def whole(tensor: Tensor) -> Tensor:
    """A tensor of which this process may hold a piece; all processes must ask."""
    gather = getattr(tensor, "full_tensor", None)  # a DTensor's
    gathered: Tensor = tensor if gather is None else gather()
    return gathered


@torch.no_grad()
def put(target: Tensor, value: Tensor) -> None:
    """Copy a whole tensor into one of which this process may hold a piece; all must do so."""
    mesh: Any = getattr(target, "device_mesh", None)
    if mesh is not None:
        from torch.distributed.tensor import distribute_tensor

        placements: Any = target.placements  # type: ignore[attr-defined]
        value = distribute_tensor(value.to(mesh.device_type), mesh, placements)
    target.copy_(value)
