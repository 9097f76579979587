from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from animate.pipelines import ControlNeXtVideoPipeline
from animate.pipelines.conditions import OFFICIAL_TIME_IDS
from temporal import schedulers
from temporal.errors import ControlError, DivergenceError

Run = Callable[..., Any]
WINDOW = 5


def hooks(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


@pytest.mark.parametrize("blend", ["weighted", "official", "shifted"])
@pytest.mark.parametrize("frames", [1, 2, 3, WINDOW - 1, WINDOW, WINDOW + 1])
def test_clips_of_any_length(frames: int, blend: str, run: Run) -> None:
    latents = run(frames, blend=blend)
    assert latents.shape == (1, frames, 4, 16, 16)
    assert latents.isfinite().all()


@pytest.mark.parametrize("overlap", range(WINDOW))
def test_every_overlap_below_the_window(overlap: int, run: Run) -> None:
    assert run(11, overlap=overlap).isfinite().all()


def test_same_seed_same_bytes(run: Run) -> None:
    first, again = (run(output_type="np", max_guidance_scale=2.0) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    other = run(output_type="np", generator=torch.Generator().manual_seed(4))
    assert first.tobytes() != other.tobytes()


def test_saving_and_loading_give_the_same_video(
    pipeline: ControlNeXtVideoPipeline, run: Run, picture: Any, control: Tensor, tmp_path: Path
) -> None:
    pipeline.save_pretrained(tmp_path)
    files = {file.suffix for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {".json", ".safetensors"}
    loaded = ControlNeXtVideoPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    latents = loaded(
        picture,
        control[:7],
        num_inference_steps=2,
        window=5,
        overlap=2,
        output_type="latent",
        generator=torch.Generator().manual_seed(3),
    ).frames
    torch.testing.assert_close(latents, run())


def test_pickled_weights_are_not_loaded(pipeline: ControlNeXtVideoPipeline, tmp_path: Path) -> None:
    pipeline.save_pretrained(tmp_path)
    weights = tmp_path / "controlnext" / "diffusion_pytorch_model.safetensors"
    torch.save(pipeline.controlnext.state_dict(), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(OSError, match="safetensors"):
        ControlNeXtVideoPipeline.from_pretrained(tmp_path, use_safetensors=False)


def test_control_steers_and_scale_zero_switches_it_off(run: Run, control: Tensor) -> None:
    plain = run(control_scale=0.0)
    assert torch.equal(plain, run(control=control.flip(0)[:7], control_scale=0.0))
    strong, weak = run(), run(control_scale=0.1)
    assert (strong - plain).abs().max() > 2 * (weak - plain).abs().max() > 0


def test_the_encoder_runs_once_per_frame_and_step(
    pipeline: ControlNeXtVideoPipeline, run: Run
) -> None:
    encoded: list[int] = []
    handle = pipeline.controlnext.mid_convs[0].register_forward_hook(
        lambda module, args, output: encoded.append(len(args[0]))
    )
    run(11, max_guidance_scale=3.0)
    run(11, control_scale=0.0)
    handle.remove()
    assert sum(encoded) == 2 * 11


def test_guidance_leaves_the_unconditional_half_without_control(
    pipeline: ControlNeXtVideoPipeline, run: Run, control: Tensor
) -> None:
    halves: list[Tensor] = []
    handle = pipeline.unet.register_forward_hook(
        lambda module, args, output: halves.append(output[0].clone())
    )
    run(3, num_inference_steps=1)
    run(3, num_inference_steps=1, control=control[3:6])
    run(3, num_inference_steps=1, min_guidance_scale=1.0, max_guidance_scale=1.0)
    handle.remove()
    first, second, unguided = halves
    torch.testing.assert_close(first[0], second[0])
    assert not torch.allclose(first[1], second[1], atol=1e-4)
    torch.testing.assert_close(unguided[0], first[1], atol=1e-4, rtol=1e-3)


def test_guidance_halves_may_run_apart(run: Run, pipeline: ControlNeXtVideoPipeline) -> None:
    rows: list[int] = []
    handle = pipeline.unet.register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    together, apart = run(), run(halves_apart=True)
    handle.remove()
    torch.testing.assert_close(apart, together, atol=1e-4, rtol=1e-4)
    assert rows == [2] * 4 + [1] * 8


def test_guidance_ramps_over_the_clip_or_the_window(run: Run) -> None:
    rising = {"min_guidance_scale": 1.0, "max_guidance_scale": 4.0}
    flat, clip = run(11), run(11, **rising)
    assert not torch.allclose(flat, clip, atol=1e-3)
    assert not torch.allclose(clip, run(11, ramp="window", **rising), atol=1e-3)
    official = run(11, official=True, **rising)
    told = {"blend": "official", "ramp": "window", "added_time_ids": OFFICIAL_TIME_IDS}
    assert torch.equal(official, run(11, **told, **rising))


def test_a_falling_ramp_is_guided_too(run: Run, pipeline: ControlNeXtVideoPipeline) -> None:
    run(3, min_guidance_scale=3.0, max_guidance_scale=1.0)
    assert pipeline.do_classifier_free_guidance


def test_control_may_be_drawn_when_needed(run: Run, control: Tensor) -> None:
    drawn = run(control=lambda start, stop: control[start:stop], num_frames=7, height=32, width=32)
    torch.testing.assert_close(drawn, run())
    with pytest.raises(ControlError, match="needs num_frames"):
        run(control=lambda start, stop: control[start:stop])


def test_given_latents_replace_the_drawn_ones(run: Run) -> None:
    latents = torch.randn(1, 7, 4, 16, 16)
    first = run(latents=latents.clone(), generator=None, noise_aug_strength=0.0)
    again = run(latents=latents.clone(), generator=None, noise_aug_strength=0.0)
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"fps": 12, "motion_bucket_id": 50}, (11, 50, 0.02)),
        ({"noise_aug_strength": 0.1}, (6, 127, 0.1)),
        ({"blend": "official", "fps": 12}, (11, 127, 0.02)),
        ({"official": True, "fps": 12, "motion_bucket_id": 50}, OFFICIAL_TIME_IDS),
        ({"official": True, "added_time_ids": (1, 2, 3)}, (1, 2, 3)),
    ],
)
def test_the_unet_is_told_what_the_caller_said(
    asked: dict[str, Any],
    told: tuple[float, ...],
    pipeline: ControlNeXtVideoPipeline,
    run: Run,
) -> None:
    seen: list[Tensor] = []
    handle = pipeline.unet.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["added_time_ids"]), with_kwargs=True
    )
    run(3, **asked)
    handle.remove()
    torch.testing.assert_close(seen[0][0], torch.tensor(told, dtype=torch.float32))


@pytest.mark.parametrize("output_type", ["pil", "np", "pt"])
def test_output_types(output_type: str, run: Run) -> None:
    frames = run(3, output_type=output_type)
    if output_type == "pil":
        assert [image.size for image in frames[0]] == [(32, 32)] * 3
        assert isinstance(frames[0][0], Image.Image)
        return
    assert frames.shape == ((1, 3, 32, 32, 3) if output_type == "np" else (1, 3, 3, 32, 32))
    assert np.asarray(frames).min() >= 0
    assert np.asarray(frames).max() <= 1


def test_two_pictures_in_one_call(run: Run, picture: Image.Image) -> None:
    other = picture.rotate(90)
    latents = torch.randn(2, 7, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    both = run(image=[picture, other], latents=latents, noise_aug_strength=0.0)
    alone = run(image=other, latents=latents[1:], noise_aug_strength=0.0)
    torch.testing.assert_close(both[1:], alone, atol=1e-3, rtol=1e-3)


def test_step_callbacks_see_and_replace_the_latents(
    pipeline: ControlNeXtVideoPipeline, run: Run
) -> None:
    steps: list[int] = []

    def callback(caller: Any, step: int, timestep: Tensor, kept: dict[str, Tensor]) -> Any:
        assert caller is pipeline
        assert kept["latents"].shape == (1, 7, 4, 16, 16)
        steps.append(step)
        return {"latents": torch.zeros_like(kept["latents"])}

    assert (run(callback_on_step_end=callback) == 0).all()
    assert steps == [0, 1]


def test_what_a_callback_was_given_stays_as_it_was(run: Run) -> None:
    given: list[Tensor] = []
    seen: list[Tensor] = []

    def callback(caller: Any, step: int, timestep: Tensor, kept: dict[str, Tensor]) -> None:
        given.append(kept["latents"])

    run(callback_on_step_end=callback, on_step=lambda *told: seen.append(told[2].clone()))
    assert len(given) == len(seen) == 2
    assert not torch.equal(given[0], given[1])
    assert all(torch.equal(one, other) for one, other in zip(given, seen, strict=True))


def test_a_callback_may_change_what_it_is_given(run: Run) -> None:
    given: list[Tensor] = []

    def callback(caller: Any, step: int, timestep: Tensor, kept: dict[str, Tensor]) -> Any:
        kept["latents"].fill_(step + 1.0)
        given.append(kept["latents"])
        return {}

    assert (run(callback_on_step_end=callback) == 2).all()
    assert [one.unique().tolist() for one in given] == [[1.0], [2.0]]


def test_a_callback_is_given_what_it_asks_for(run: Run) -> None:
    told: list[list[str]] = []

    def callback(caller: Any, step: int, timestep: Tensor, kept: dict[str, Tensor]) -> Any:
        told.append(list(kept))
        return {}

    for names in (["latents"], []):
        run(3, callback_on_step_end=callback, callback_on_step_end_tensor_inputs=names)
    assert told == [["latents"]] * 2 + [[]] * 2
    with pytest.raises(ValueError, match="unknown image_latents; known: latents"):
        run(3, callback_on_step_end_tensor_inputs=["latents", "image_latents"])


@contextmanager
def scheduled(pipeline: ControlNeXtVideoPipeline, name: str) -> Iterator[None]:
    before = pipeline.scheduler
    kind = getattr(schedulers, name, None) or getattr(diffusers, name)
    pipeline.scheduler = kind()
    yield
    pipeline.scheduler = before


@pytest.mark.parametrize("name", schedulers.WITHOUT_MEMORY)
def test_a_run_without_memory_goes_on_with_the_same_bits(
    name: str, pipeline: ControlNeXtVideoPipeline, run: Run
) -> None:
    generator, seen = torch.Generator().manual_seed(3), []

    def keep(step: int, timestep: Tensor, latents: Tensor) -> None:
        seen.append((latents.clone(), generator.get_state()))

    told: dict[str, Any] = {"num_inference_steps": 4, "generator": generator}
    with scheduled(pipeline, name):
        whole = run(on_step=keep, **told)
        for done in (1, 3):
            latents, state = seen[done - 1]
            more = {"latents": latents, "steps_done": done, "generator_state": state}
            generator.manual_seed(3)
            assert torch.equal(run(**told, **more), whole)


@pytest.mark.parametrize(
    "name", ["DPMSolverMultistepScheduler", "HeunDiscreteScheduler", "PNDMScheduler"]
)
def test_a_run_that_remembers_does_not_go_on(
    name: str, pipeline: ControlNeXtVideoPipeline, run: Run
) -> None:
    latents = torch.zeros(1, 7, 4, 16, 16)
    with scheduled(pipeline, name), pytest.raises(ValueError, match=f"steps_done 1: {name} goes"):
        run(latents=latents, steps_done=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", schedulers.WITHOUT_MEMORY)
def test_every_scheduler_works_beside_a_gpu(
    name: str, tiny_model: Path, picture: Image.Image, control: Tensor
) -> None:
    on_gpu = ControlNeXtVideoPipeline.from_pretrained(tiny_model).to("cuda")
    on_gpu.set_progress_bar_config(disable=True)
    with scheduled(on_gpu, name):
        for device in ("cpu", "cuda"):
            first, again = (
                on_gpu(
                    picture,
                    control[:7],
                    num_inference_steps=3,
                    window=5,
                    overlap=2,
                    generator=torch.Generator(device).manual_seed(3),
                    output_type="latent",
                ).frames
                for _ in range(2)
            )
            assert first.isfinite().all()
            assert torch.equal(first, again)


def test_progress_counts_windows(run: Run) -> None:
    done: list[tuple[int, int]] = []
    run(8, progress=lambda *count: done.append(count))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_hooks_are_gone_after_use_and_after_errors(
    pipeline: ControlNeXtVideoPipeline, run: Run
) -> None:
    run(3)
    assert hooks(pipeline.unet) == 0

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(3, progress=interrupt)
    assert hooks(pipeline.unet) == 0


def test_diverging_latents_name_the_step(run: Run) -> None:
    latents = torch.full((1, 7, 4, 16, 16), float("nan"))
    with pytest.raises(DivergenceError, match="step 1 of 2"):
        run(latents=latents)


def test_size_multiple_comes_from_the_models(pipeline: ControlNeXtVideoPipeline) -> None:
    assert pipeline.size_multiple == 4


def test_a_wrong_size_is_refused_with_the_right_one(run: Run) -> None:
    with pytest.raises(ValueError, match="multiples of 2, got 31 x 32; multiples of 4"):
        run(height=31)


def test_schedulers_can_be_swapped(pipeline: ControlNeXtVideoPipeline, run: Run) -> None:
    before, plain = pipeline.scheduler, run()
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(before.config, sigma_max=5.0)
    swapped = run()
    pipeline.scheduler = before
    assert swapped.isfinite().all()
    assert not torch.equal(swapped, plain)
    assert torch.equal(run(), plain)


def test_half_precision_models_keep_the_clip_in_full_precision(
    tiny_model: Path, picture: Image.Image, control: Tensor
) -> None:
    half = ControlNeXtVideoPipeline.from_pretrained(tiny_model, torch_dtype=torch.bfloat16)
    half.set_progress_bar_config(disable=True)
    latents = half(
        picture, control[:7], num_inference_steps=2, window=5, overlap=2, output_type="latent"
    ).frames
    assert latents.dtype == torch.float32
    assert latents.isfinite().all()
    assert latents.bfloat16().float().ne(latents).any()
