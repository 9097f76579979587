"""How a pipeline uses its device: placing, attention, compiling, free memory and its lack."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from animate.config import Resolved, Settings
from animate.errors import UsageError
from animate.progress import Report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from animate.pipelines.video import ControlNeXtVideoPipeline
    from temporal.drafts import Drafts

Value = TypeVar("Value")
logger = logging.getLogger("animate")

# glibc: from this size on, memory goes back to the system as soon as it is free. Left to itself
# glibc keeps up to 2.4 times what is in use (the embedded model, windows of 16 frames: 1147 MB
# against 808 MB). In pages of 2 MB this costs no time; in small ones a quarter more.
RETURN_FROM = 4 * 2**20  # bytes
M_MMAP_THRESHOLD = -3  # malloc.h
LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"  # torch reads it when it loads; the command sets it
CGROUP_LIMITS = (  # limit and use of a container's memory, in version 2 and 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
RETRIES = 2  # how often work is tried again in less memory
SMALLEST_WINDOW = 4  # frames; below, neighbours no longer steady each other


def free_memory(device: str) -> int | None:
    """Bytes that could still be taken on cpu or cuda; None if the system does not say."""
    if device.startswith("cuda"):
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    limits = [_free_in_system(Path("/proc/meminfo")), *(_free_in(*pair) for pair in CGROUP_LIMITS)]
    return min((limit for limit in limits if limit is not None), default=None)


def _free_in_system(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if "MemAvailable" in line), None)


def _free_in(limit: str, used: str) -> int | None:
    try:
        return max(0, int(Path(limit).read_text()) - int(Path(used).read_text()))
    except (OSError, ValueError):  # no such container, or "max"
        return None


def place(pipeline: ControlNeXtVideoPipeline, device: str, asked: Settings) -> None:
    """Bring a loaded pipeline to its device the way that was asked for.

    Raises UsageError if the device or the installation cannot do it.
    """
    check(asked, device)
    if device == "cpu":
        _return_freed_memory()
    if asked.attention == "xformers" or (
        asked.attention == "auto" and device != "cpu" and _has_xformers()
    ):
        pipeline.enable_xformers_memory_efficient_attention()
    _offload(pipeline, device, asked.offload)
    if asked.compile:
        pipeline.unet.compile(dynamic=False)


def check(asked: Settings, device: str) -> None:
    """Raise UsageError for a way of working that the device or the installation cannot do."""
    if asked.attention == "xformers" and not _has_xformers():
        raise UsageError(
            "--attention xformers: it is not installed; pip install 'animate-controlnext[gpu]', "
            "or use --attention sdpa"
        )
    if asked.attention == "xformers" and device == "cpu":
        raise UsageError("--attention xformers works on a GPU; use --attention sdpa here")
    if asked.offload in ("model", "group") and device == "cpu":
        raise UsageError(f"--offload {asked.offload} spares a GPU's memory; there is none in use")


def _has_xformers() -> bool:
    return importlib.util.find_spec("xformers") is not None


def _offload(pipeline: Any, device: str, way: str) -> None:
    """diffusers' own hooks; the control encoder stays on the device, see the pipeline."""
    if way == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif way == "group":
        import torch

        if pipeline.vae.dtype == torch.float16 and pipeline.vae.config.force_upcast:
            pipeline.vae.to(torch.float32)  # its offloaded copies do not follow a later change
        onload = torch.device(device)
        pipeline.enable_group_offload(
            onload,
            offload_type="leaf_level",
            use_stream=onload.type == "cuda",
            exclude_modules=pipeline._exclude_from_cpu_offload,
        )
    else:
        pipeline.to(device)


def _return_freed_memory() -> None:
    """Have glibc give freed tensors back, where torch asks for large pages; else do nothing."""
    if sys.platform.startswith("linux") and os.environ.get(LARGE_PAGES) == "1":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, RETURN_FROM)


def lacks_memory(error: BaseException) -> bool:
    """Whether the error is a device's or the system's memory running out."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "DefaultCPUAllocator" in text
    )


def in_less_memory(
    work: Callable[[Resolved], Value],
    settings: Resolved,
    report: Report,
    *,
    shrink: Callable[[Resolved], tuple[Resolved, str] | None],
) -> tuple[Value, Resolved]:
    """Do the work, at most twice again with smaller settings if memory runs out.

    shrink(settings) gives smaller ones and says what changed; None if nothing is left to shrink.
    Returns what the work gave and the settings that it was done with.
    """
    for attempt in range(RETRIES + 1):
        try:
            return work(settings), settings
        except (RuntimeError, MemoryError) as error:
            smaller = shrink(settings) if lacks_memory(error) and attempt < RETRIES else None
            if smaller is None:
                raise
        settings, change = smaller
        _release(settings.device)  # only now is the failed attempt's memory no longer referred to
        report(f"Memory ran out: trying again with {change}")
    raise AssertionError("the loop returns or raises")


def shrink_denoising(settings: Resolved) -> tuple[Resolved, str] | None:
    """The guidance halves apart, else half the window."""
    guided = max(settings.guidance_ends) > 1
    if guided and not settings.halves_apart:
        return replace(settings, halves_apart=True), "the guidance halves one after the other"
    window = max(settings.window // 2, SMALLEST_WINDOW)
    if window >= settings.window:
        return None
    overlap = min(settings.overlap, window - 1)
    return replace(settings, window=window, overlap=overlap), f"windows of {window} frames"


def decode_in_less_memory(
    pipeline: Any, latents: Tensor, chunk: int, drafts: Drafts | None = None
) -> Iterator[NDArray[np.uint8]]:
    """The (H, W, 3) frames of latents (F, C, h, w), fewer at once if memory runs out.

    drafts: see `temporal.decode`.
    """
    from temporal.decode import decode_frames
    from temporal.drafts import from_frame

    device, done = pipeline._execution_device, 0
    while done < len(latents):
        left = None if drafts is None else from_frame(drafts, done)
        try:
            for frame in decode_frames(
                pipeline.vae, latents[done:], chunk, device=device, drafts=left
            ):
                yield frame
                done += 1
            return
        except (RuntimeError, MemoryError) as error:
            if chunk == 1 or not lacks_memory(error):
                raise
            chunk //= 2
            logger.warning("Memory ran out: decoding %d frames at once from here on", chunk)
        _release(str(device))


def _release(device: str) -> None:
    import gc

    import torch

    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
