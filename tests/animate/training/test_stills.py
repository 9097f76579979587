from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from animate.training.data import Batch, Sample, stack
from animate.training.feed import Share
from animate.training.loop import train
from animate.training.settings import (
    ExportSettings,
    LoopSettings,
    ModelSettings,
    PreviewSettings,
    StillLoss,
)
from animate.training.still_models import build_still_task, fresh_encoder, load_still
from animate.training.still_preview import StillPreview
from animate.training.stills import StillTask
from temporal.checkpoints import load_controlnext, read_unet, save_controlnext
from temporal.controlnext import ControlNeXt
from tests.animate.training.tiny_stills import save_still

SIZE = 64
PAIRS = [
    ("sd15", "controlnext"),
    ("sd15", "controlnet"),
    ("sdxl", "controlnext"),
    ("sdxl", "lora"),
    ("sd3", "controlnext"),
    ("sd3", "controlnet"),
    ("sd3", "lora"),
]


class TwoPictures:
    """A bright square on black or on white, and where it is."""

    def bucket(self, rng: np.random.Generator) -> None:
        return None

    def sample(self, bucket: Any, rng: np.random.Generator) -> Sample:
        control = np.zeros((1, SIZE, SIZE, 3), np.uint8)
        left = int(rng.integers(SIZE // 2))
        control[:, 16:48, left : left + 32] = 255
        return Sample(control=control, reference=control[0], frames=255 - control, caption="a b")


@pytest.fixture(scope="session")
def stills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("stills")
    return {family: save_still(family, folder / family) for family in ("sd15", "sdxl", "sd3")}


def model_of(stills: dict[str, Path], family: str, method: str, **more: Any) -> ModelSettings:
    rank = 2 if method == "lora" else 0
    return ModelSettings(family=family, base=str(stills[family]), method=method, rank=rank, **more)


def task_of(model: ModelSettings, **loss: float) -> StillTask:
    settings = StillLoss(**{"prompt_dropout": 0.0, **loss})
    return build_still_task(model, settings, ExportSettings(official="values", number="fp32"))


def batch_of(count: int = 4) -> Batch:
    rng = np.random.default_rng(0)
    return stack([TwoPictures().sample(None, rng) for _ in range(count)])


def loss_of(task: StillTask, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return task.loss(batch, Share(seed=0, size=len(batch)).generators(0, 0))


@pytest.mark.parametrize(("family", "method"), PAIRS)
def test_training_lowers_the_loss(
    stills: dict[str, Path], tmp_path: Path, family: str, method: str
) -> None:
    task, batch = task_of(model_of(stills, family, method)), batch_of(8)
    settings = LoopSettings(
        steps=24, batch=4, rate=1e-2, warm_up=1, ema=0.0, save_every=0, device="cpu"
    )
    before = loss_of(task, batch)
    outcome = train(task, TwoPictures(), settings, tmp_path / "run")
    assert loss_of(task, batch) < before
    (tmp_path / "result").mkdir()
    task.export(tmp_path / "result", outcome.weights)
    assert list((tmp_path / "result").rglob("*.safetensors"))


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3"])
def test_control_left_out_is_no_control(stills: dict[str, Path], family: str) -> None:
    batch = batch_of()
    other = replace(batch, control=torch.zeros_like(batch.control))
    model = model_of(stills, family, "controlnext")
    shown, hidden = task_of(model), task_of(model, control_dropout=1.0)
    assert loss_of(shown, batch) != loss_of(shown, other)
    assert loss_of(hidden, batch) == loss_of(hidden, other)


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3"])
def test_a_dropped_prompt_is_the_empty_one(stills: dict[str, Path], family: str) -> None:
    batch = batch_of()
    empty = replace(batch, captions=("",) * len(batch))
    model = model_of(stills, family, "lora")
    told, silent = task_of(model), task_of(model, prompt_dropout=1.0)
    assert loss_of(told, batch) != loss_of(told, empty)
    assert loss_of(silent, batch) == loss_of(told, empty)


def gradients(model: ModelSettings, *, checkpointing: bool) -> torch.Tensor:
    settings = StillLoss(prompt_dropout=0.0)
    task = build_still_task(model, settings, ExportSettings(), checkpointing=checkpointing)
    rng = torch.Generator().manual_seed(0)
    for parameter in task.module.parameters():  # adapters begin with zeros
        if parameter.requires_grad and not parameter.any():
            parameter.data.normal_(std=0.1, generator=rng)
    task.module.train()
    task.loss(batch_of(2), Share(seed=0, size=2).generators(0, 0)).backward()
    return torch.cat([p.grad.flatten() for p in task.module.parameters() if p.grad is not None])


@pytest.mark.parametrize(("family", "method"), PAIRS)
def test_checkpointing_changes_memory_not_numbers(
    stills: dict[str, Path], family: str, method: str
) -> None:
    model = model_of(stills, family, method)
    kept, again = (gradients(model, checkpointing=value) for value in (False, True))
    torch.testing.assert_close(again, kept, rtol=1e-4, atol=1e-7)


def test_checkpointing_keeps_the_control_that_a_lora_learns_under(
    stills: dict[str, Path], tmp_path: Path
) -> None:
    encoder = task_of(model_of(stills, "sd3", "controlnext")).part
    save_controlnext(encoder, tmp_path / "encoder.safetensors")
    model = model_of(stills, "sd3", "lora", control=str(tmp_path / "encoder.safetensors"))
    kept, again = (gradients(model, checkpointing=value) for value in (False, True))
    torch.testing.assert_close(again, kept, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("family", "method"), [("sdxl", "controlnext"), ("sd3", "controlnet")])
def test_the_autoencoder_keeps_its_precision(
    stills: dict[str, Path], family: str, method: str
) -> None:
    task, seen = task_of(model_of(stills, family, method)), set()
    task.pipeline.vae.encoder.conv_out.register_forward_hook(
        lambda module, inputs, output: seen.add(output.dtype)
    )
    with torch.autocast("cpu", torch.bfloat16):
        loss_of(task, batch_of(2))
    assert seen == {torch.float32}


def test_a_new_controlnet_changes_nothing(stills: dict[str, Path]) -> None:
    batch = batch_of()
    for family in ("sd15", "sd3"):
        plain = task_of(model_of(stills, family, "lora"))
        locked = task_of(model_of(stills, family, "controlnet"))
        assert loss_of(plain, batch) == loss_of(locked, batch)


def test_the_chosen_part_of_the_base_is_written(stills: dict[str, Path], tmp_path: Path) -> None:
    model = model_of(stills, "sd15", "controlnext", trainable="to_out", base_rate=1.0)
    task = task_of(model)
    settings = LoopSettings(steps=1, rate=1e-2, warm_up=0, ema=0.0, save_every=0, device="cpu")
    outcome = train(task, TwoPictures(), settings, tmp_path / "run")
    (tmp_path / "result").mkdir()
    task.export(tmp_path / "result", outcome.weights)
    folder = tmp_path / "result" / "controlnext"
    encoder = load_controlnext(folder / "controlnext.safetensors")
    assert all(
        torch.equal(value, task.part.state_dict()[name])
        for name, value in encoder.state_dict().items()
    )
    tensors, increments = read_unet(folder / "unet.safetensors")
    assert not increments
    assert tensors
    assert all("to_out" in name for name in tensors)


def test_latents_are_the_middle_of_what_the_autoencoder_is_unsure_of(
    stills: dict[str, Path],
) -> None:
    task, batch = task_of(model_of(stills, "sd15", "lora")), batch_of()
    before = loss_of(task, batch)
    with torch.no_grad():
        task.pipeline.vae.quant_conv.bias[4:] = 2.0  # the logarithm of the variance
    assert loss_of(task, batch) == before


def test_a_lora_can_learn_under_a_control_that_stays(
    stills: dict[str, Path], tmp_path: Path
) -> None:
    # Of its own size: what lies beside the weights says so, not the family.
    encoder = fresh_encoder(load_still(model_of(stills, "sd15", "lora")).unet, "sd15_training")
    odd = ControlNeXt(**{**encoder.config, "stem_channels": (8, 8, 16)})
    odd.save_pretrained(tmp_path / "control", safe_serialization=True)
    task = task_of(model_of(stills, "sd15", "lora", control=str(tmp_path / "control")))
    batch = batch_of()
    other = replace(batch, control=torch.zeros_like(batch.control))
    assert loss_of(task, batch) != loss_of(task, other)
    before = {name: value.clone() for name, value in task.part.state_dict().items()}
    settings = LoopSettings(steps=2, rate=1e-2, warm_up=0, ema=0.0, save_every=0, device="cpu")
    outcome = train(task, TwoPictures(), settings, tmp_path / "run")
    assert all(torch.equal(value, before[n]) for n, value in task.part.state_dict().items())
    (tmp_path / "result").mkdir()
    task.export(tmp_path / "result", outcome.weights)
    written = [path.name for path in (tmp_path / "result").rglob("*") if path.is_file()]
    assert written == ["pytorch_lora_weights.safetensors"]


@pytest.mark.parametrize(("family", "method"), [("sd15", "controlnext"), ("sd3", "controlnet")])
def test_previews_are_pictures_and_leave_training_alone(
    stills: dict[str, Path], tmp_path: Path, family: str, method: str
) -> None:
    task, batch = task_of(model_of(stills, family, method)), batch_of()
    before = loss_of(task, batch)
    preview = StillPreview(task, TwoPictures(), PreviewSettings(samples=1, steps=2))
    assert set(preview(tmp_path)) == {"psnr"}
    assert (tmp_path / "sample_0.png").is_file()
    assert loss_of(task, batch) == before
