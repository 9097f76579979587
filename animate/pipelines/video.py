"""Stable Video Diffusion with control: a picture and control frames to a video."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import SchedulerMixin
from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import (
    AutoencoderKLTemporalDecoder,
)
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import (
    StableVideoDiffusionPipeline,
    StableVideoDiffusionPipelineOutput,
    retrieve_timesteps,
)
from diffusers.video_processor import VideoProcessor
from einops import rearrange
from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from animate.pipelines.conditions import (
    OFFICIAL_TIME_IDS,
    Generators,
    Pictures,
    encode_conditions,
    initial_latents,
)
from animate.pipelines.drafts import as_callable, encoded_drafts
from animate.pipelines.lora import UNetLoraMixin
from animate.pipelines.spread import Device, Helpers, denoising
from temporal.autoencoder import SmallTemporalAutoencoder
from temporal.control import features_of
from temporal.controlnet import ControlNet
from temporal.controlnext import ControlNeXt
from temporal.decode import decode_chunks
from temporal.drafts import Drafts
from temporal.errors import ControlError
from temporal.features import ControlSource, check_control, chunk_for
from temporal.sampling import OnStep, OnWindow, WindowsAt, sample
from temporal.schedulers import has_memory
from temporal.stepcache import cached
from temporal.windows import Blend, Ramp, Window, plan_windows

DECODE_CHUNK = 8  # frames per VAE call if the caller does not say

StepCallback = Callable[[Any, int, Tensor, dict[str, Any]], dict[str, Any] | None]


class ControlNeXtVideoPipeline(UNetLoraMixin, StableVideoDiffusionPipeline):  # type: ignore[misc, unused-ignore]
    """Animate a picture by control frames, in overlapping windows over a clip of any length.

    The components of diffusers' StableVideoDiffusionPipeline and a part for control: ControlNeXt's
    encoder, or a ControlNet that stands beside the UNet.
    """

    # It alternates with the UNet in every step: it stays on the device.
    _exclude_from_cpu_offload = ["controlnext"]  # noqa: RUF012  (diffusers' own declaration)

    def __init__(
        self,
        # All must be loaded by name: diffusers looks for a folder's classes among loaded modules.
        vae: AutoencoderKLTemporalDecoder | SmallTemporalAutoencoder,
        image_encoder: CLIPVisionModelWithProjection,
        unet: UNetSpatioTemporalConditionModel,
        scheduler: SchedulerMixin,
        feature_extractor: CLIPImageProcessor,
        controlnext: ControlNeXt | ControlNet,
    ) -> None:
        super().__init__(vae, image_encoder, unet, scheduler, feature_extractor)
        if isinstance(vae, SmallTemporalAutoencoder):
            self.vae_scale_factor = vae.downscale
            self.video_processor = VideoProcessor(vae_scale_factor=vae.downscale)
        self.register_modules(controlnext=controlnext)  # type: ignore[no-untyped-call, unused-ignore]

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[Any], **kwargs: Any
    ) -> ControlNeXtVideoPipeline:
        """Load a folder as diffusers does, but weights from safetensors only."""
        kwargs["use_safetensors"] = True
        pipeline: ControlNeXtVideoPipeline = super().from_pretrained(
            pretrained_model_name_or_path, **kwargs
        )
        return pipeline

    @property
    def size_multiple(self) -> int:
        """What height and width should be multiples of, in pixels."""
        levels = len(self.unet.config["block_out_channels"])
        multiple: int = self.vae_scale_factor * 2 ** (levels - 1)
        return multiple

    @torch.no_grad()
    def __call__(
        self,
        image: Pictures,
        control: ControlSource,
        *,
        reference_control: Tensor | None = None,
        drafts: ControlSource | None = None,
        num_frames: int | None = None,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int = 25,
        sigmas: list[float] | None = None,
        min_guidance_scale: float = 3.0,
        max_guidance_scale: float = 3.0,
        fps: int = 7,
        motion_bucket_id: int = 127,
        noise_aug_strength: float = 0.02,
        added_time_ids: Sequence[float] | None = None,
        control_scale: float = 1.0,
        window: int = 24,
        overlap: int = 6,
        blend: Blend = "weighted",
        ramp: Ramp | None = None,
        official: bool = False,
        halves_apart: bool = False,
        control_memory: int | None = None,
        devices: Sequence[Device] | None = None,
        helpers: Helpers | None = None,
        step_cache: float = 0.0,
        generator: Generators = None,
        latents: Tensor | None = None,
        steps_done: int = 0,
        generator_state: Tensor | None = None,
        output_type: str = "pil",
        decode_chunk_size: int | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        on_step: OnStep | None = None,
        progress: OnWindow | None = None,
        return_dict: bool = True,
    ) -> Any:
        """Return the video as StableVideoDiffusionPipelineOutput, or its frames.

        image: one picture, or one per video. control: (F, 3, H, W) floats in [0, 1], or a callable
        (start, stop) -> such frames, which needs num_frames, height and width. reference_control:
        (3, H, W), the control of the picture itself, for an encoder that sees both (see
        `ControlNeXt.sees_reference`); None for unknown. Others do without it. drafts: like control,
        the picture bent into each frame's pose (`pose.puppet`), for an encoder that sees drafts:
        the denoising starts from them; None for the picture as it is.
        Guidance runs from min to max over the clip; at most 1 for none. control_scale 0: none.
        window, overlap, blend, ramp: see `temporal.windows.plan_windows`. official: repeat the
        reference, which has its own blend and tells the UNet constants whatever fps, motion
        bucket and noise are asked for; added_time_ids says what the UNet is told instead.
        halves_apart: run the guidance halves one after the other, in half the memory.
        control_memory: bytes for what of the control is kept from step to step; None for a share
        of what is free on a GPU and little elsewhere.
        devices: such as ["cuda:0", "cuda:1"], spread the windows of a step over several; the
        result stays the same. helpers: who may do some of them elsewhere, see
        `animate.pipelines.spread`. step_cache: repeat predictions where the UNet's input changed
        by less than this share, such as 0.1; 0 never does. See `temporal.stepcache`.
        latents: (B, F, C, h, w) unit noise; or with steps_done, to go on, those that
        callback_on_step_end saw after so many steps, and generator_state of that moment; only
        with a scheduler that does not remember its steps, see `temporal.schedulers.has_memory`.
        output_type: "pil", "np" (B, F, H, W, 3), "pt" (B, F, 3, H, W) or "latent".
        callback_on_step_end(pipeline, step, timestep, {"latents"}) may change them in place or
        return others, as in diffusers; callback_on_step_end_tensor_inputs: what it is given of
        `_callback_tensor_inputs`. on_step(step, timestep, latents) sees them without a copy, which
        takes memory in a long clip: the next step changes them.
        progress(windows done, in total) replaces the bar. Raises ControlError, WindowError,
        DeviceError and DivergenceError of `temporal.errors`, ValueError for a wrong size, an
        unknown tensor input, and steps_done with a scheduler that remembers.
        """
        frames, height, width = _clip_shape(control, num_frames, height, width)
        self.check_inputs(image, height, width)
        if official:
            blend, added_time_ids = "official", added_time_ids or OFFICIAL_TIME_IDS
        plan = self._planner(frames, window, overlap, blend, ramp)
        plan(0)  # impossible settings are refused before the work
        if steps_done and has_memory(self.scheduler):
            raise ValueError(
                f"steps_done {steps_done}: {type(self.scheduler).__name__} goes by the steps that "
                "were done before; start from the beginning, or use one that does not, such as "
                "EulerDiscreteScheduler"
            )
        on_step_end = self._after_step(
            callback_on_step_end, callback_on_step_end_tensor_inputs, on_step
        )
        conditions = encode_conditions(
            self,
            image,
            size=(height, width),
            noise_strength=noise_aug_strength,
            # SVD was trained to be told fps - 1.
            time_ids=added_time_ids or (fps - 1, motion_bucket_id, noise_aug_strength),
            guidance=(min_guidance_scale, max_guidance_scale),
            generator=generator,
        )
        # The clip is stepped in main memory: there the scheduler has its tables too.
        timesteps, _ = retrieve_timesteps(self.scheduler, num_inference_steps, "cpu", None, sigmas)
        self._num_timesteps = len(timesteps)
        shown = drafts if control_scale != 0 else None
        drafted = encoded_drafts(self, image, shown, frames=frames, size=(height, width))
        if latents is None or not steps_done:
            latents = initial_latents(self, conditions, frames, generator, latents, drafted)
        if generator_state is not None and isinstance(generator, torch.Generator):
            generator.set_state(generator_state)
        beginning = [latents]  # handed over, not held: the latents of a long clip take memory
        del latents
        features = None
        if control_scale != 0:
            features = features_of(
                self.controlnext,
                control,
                reference=reference_control,
                drafts=drafted,
                device=self._execution_device,
                frames=frames,
                chunk=chunk_for(height, width),
                memory=control_memory,
            )
        with (
            self._reported(progress) as on_window,
            denoising(
                self,
                conditions,
                features,
                control_scale=control_scale,
                halves_apart=halves_apart,
                devices=devices,
                helpers=helpers,
            ) as (denoise, run_all),
        ):
            latents = sample(
                denoise,
                beginning.pop(),
                scheduler=self.scheduler,
                windows=plan,
                start=steps_done,
                generator=generator,
                run_all=cached(run_all, step_cache, self.scheduler),
                on_step=on_step_end,
                on_window=on_window,
            )
        kept = as_callable(shown) if self.controlnext.sees_draft else None
        video = self._finish(latents, output_type, decode_chunk_size, kept)
        self.maybe_free_model_hooks()  # type: ignore[no-untyped-call, unused-ignore]
        return StableVideoDiffusionPipelineOutput(frames=video) if return_dict else video

    def check_inputs(self, image: Any, height: int, width: int) -> None:
        """Raise ValueError or TypeError for a size or image that cannot be used."""
        multiple = self.vae_scale_factor
        if height % multiple or width % multiple:
            raise ValueError(
                f"height and width must be multiples of {multiple}, got {height} x {width}; "
                f"multiples of {self.size_multiple} are best"
            )
        images = image if isinstance(image, list) else [image]
        if not images or not all(isinstance(one, Image.Image) for one in images):
            raise TypeError("image must be a PIL image or a list of PIL images")

    def _planner(
        self, frames: int, window: int, overlap: int, blend: Blend, ramp: Ramp | None
    ) -> WindowsAt:
        anchored = self.controlnext.anchored

        def plan(step: int) -> list[Window]:
            return plan_windows(
                frames, window, overlap, blend=blend, ramp=ramp, anchored=anchored, step=step
            )

        return plan

    def _after_step(
        self, callback: StepCallback | None, names: Sequence[str], watch: OnStep | None
    ) -> OnStep:
        unknown = set(names) - set(self._callback_tensor_inputs)
        if unknown:
            raise ValueError(
                f"callback_on_step_end_tensor_inputs: unknown {', '.join(sorted(unknown))}; "
                f"known: {', '.join(self._callback_tensor_inputs)}"
            )

        def on_step(index: int, timestep: Tensor, latents: Tensor) -> Tensor | None:
            changed = None
            if callback is not None:
                kept = {name: latents.clone() for name in names}
                given = callback(self, index, timestep, kept)
                changed = {**kept, **(given or {})}.get("latents")
            if watch is not None:
                watch(index, timestep, latents if changed is None else changed)
            return changed

        return on_step

    @contextmanager
    def _reported(self, progress: OnWindow | None) -> Iterator[OnWindow]:
        if progress is not None:
            yield progress
            return
        with self.progress_bar(total=1) as bar:

            def count(done: int, total: int) -> None:
                bar.total = total
                bar.update()

            yield count

    def _finish(
        self, latents: Tensor, output_type: str, chunk: int | None, drafts: Drafts | None
    ) -> Any:
        if output_type == "latent":
            return latents
        told: dict[str, Any] = {"device": self._execution_device, "drafts": drafts}
        chunks = (decode_chunks(self.vae, one, chunk or DECODE_CHUNK, **told) for one in latents)
        video = rearrange([torch.cat(list(each)) for each in chunks], "b f c h w -> b c f h w")
        return self.video_processor.postprocess_video(video * 2 - 1, output_type=output_type)


def _clip_shape(
    control: ControlSource, frames: int | None, height: int | None, width: int | None
) -> tuple[int, int, int]:
    if isinstance(control, Tensor):
        check_control(control, frames or len(control))
        return len(control), height or control.shape[-2], width or control.shape[-1]
    if frames is None or height is None or width is None:
        raise ControlError("control given as a callable needs num_frames, height and width")
    return frames, height, width
