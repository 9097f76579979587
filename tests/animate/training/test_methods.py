import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel

from animate.errors import ModelError, UsageError
from animate.training.animator import VideoTask
from animate.training.data import Batch
from animate.training.feed import Share
from animate.training.methods import controlnet_of, load_video, open_base, prepare_video
from animate.training.settings import ModelSettings, VideoLoss
from temporal.inject import inject
from tests.animate.training.tiny_video import batch_of, settings_of

LOSS = VideoLoss(sigma_max=30.0)


def loss_of(model: ModelSettings, batch: Batch, *, checkpointing: bool = False) -> torch.Tensor:
    parts, rates = prepare_video(load_video(model), model, checkpointing=checkpointing)
    task = VideoTask(parts, LOSS, rates=rates)
    return task.loss(batch, Share(seed=0, size=len(batch)).generators(0, 0))


@pytest.mark.parametrize(("rule", "key"), [("to_out+to_v", "svd_selective"), ("all", "svd_active")])
def test_rules_open_as_many_weights_as_officially(shared: Path, rule: str, key: str) -> None:
    keys = shared / "golden" / "state_dict_keys"
    config = json.loads((keys / "manifest.json").read_text())["configs"]["svd"]
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel(**config)
    names = open_base(unet, rule)
    expected = json.loads((keys / "trainable.json").read_text())[key]
    opened = [p for p in unet.parameters() if p.requires_grad]
    assert len(names) == len(opened) == expected["count_tensors"]
    assert sum(p.numel() for p in opened) == expected["count_parameters"]


@pytest.mark.parametrize("rule", ["none", "to_out", "attn2.to_out", "to_out+to_v", "all"])
def test_only_the_chosen_weights_get_gradients(tiny_model: Path, rule: str) -> None:
    model = settings_of(tiny_model, trainable=rule)
    pipeline = load_video(model)
    parts, rates = prepare_video(pipeline, model)
    task = VideoTask(parts, LOSS, rates=rates)
    batch = batch_of()
    task.loss(batch, Share(seed=0, size=len(batch)).generators(0, 0)).backward()
    chosen = {name for name, p in pipeline.unet.named_parameters() if p.requires_grad}
    given = {name for name, p in pipeline.unet.named_parameters() if p.grad is not None}
    assert given <= chosen
    assert bool(chosen) == (rule != "none")
    assert any(p.grad is not None for p in pipeline.controlnext.parameters())
    assert all(p.grad is None for p in pipeline.vae.parameters())


def test_a_new_controlnet_changes_nothing_and_learns(tiny_model: Path) -> None:
    batch = batch_of()
    locked = settings_of(tiny_model, method="controlnet")
    pipeline = load_video(locked)
    parts, _ = prepare_video(pipeline, locked)
    task = VideoTask(parts, LOSS)
    share = Share(seed=0, size=len(batch))
    loss = task.loss(batch, share.generators(0, 0))
    loss.backward()
    assert all(join.weight.grad.abs().sum() > 0 for join in parts["controlnet"].joins)
    assert all(p.grad is None for p in pipeline.unet.parameters())
    parts["controlnet"].joins.apply(_fill)
    assert task.loss(batch, share.generators(0, 0)) != loss
    hidden = VideoTask(parts, VideoLoss(sigma_max=30.0, control_dropout=1.0))
    assert torch.equal(hidden.loss(batch, share.generators(0, 0)), loss)


def test_a_controlnet_leaves_no_hooks(tiny_model: Path) -> None:
    model = settings_of(tiny_model, method="controlnet")
    pipeline = load_video(model)
    parts, _ = prepare_video(pipeline, model)
    VideoTask(parts, LOSS).loss(batch_of(), Share(seed=0, size=2).generators(0, 0))
    modules = [*pipeline.unet.modules(), *parts["controlnet"].modules()]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in modules)


def test_a_controlnet_starts_alike_in_every_process(tiny_model: Path) -> None:
    model = settings_of(tiny_model, method="controlnet")
    one, other = (prepare_video(load_video(model), model)[0]["controlnet"] for _ in range(2))
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)


def test_a_controlnet_starts_from_drafts_if_its_base_does(tiny_model: Path) -> None:
    locked = settings_of(tiny_model, method="controlnet")
    pipeline = load_video(locked)
    own = {**pipeline.controlnext.config, "draft_channels": 4}
    pipeline.register_modules(controlnext=type(pipeline.controlnext).from_config(own))
    parts, _ = prepare_video(pipeline, locked)
    assert pipeline.controlnext is parts["controlnet"]
    assert pipeline.controlnext.sees_draft
    batch, losses = batch_of(), []
    for drafts in (batch.control, 255 - batch.control):
        share = Share(seed=0, size=len(batch)).generators(0, 0)
        losses.append(VideoTask(parts, LOSS).loss(replace(batch, drafts=drafts), share))
    assert losses[0] != losses[1]


@pytest.mark.parametrize("method", ["controlnext", "controlnet", "lora"])
@pytest.mark.parametrize("kind", ["ControlNeXt", "ControlNet"])
def test_what_a_method_goes_on_with(
    tiny_model: Path, tmp_path: Path, method: str, kind: str
) -> None:
    pytest.importorskip("peft")
    locked = settings_of(tiny_model, method="controlnet")
    pipeline = load_video(locked)
    part = controlnet_of(pipeline) if kind == "ControlNet" else pipeline.controlnext
    part.save_pretrained(tmp_path)
    model = settings_of(tiny_model, method=method, control=str(tmp_path), rank=2)
    if method not in (kind.lower(), "lora"):
        with pytest.raises(UsageError, match=f"cannot go on with a {kind}"):
            prepare_video(load_video(model), model)
        return
    loss_of(model, batch_of()).backward()


@pytest.mark.parametrize("method", ["controlnet", "lora"])
def test_what_would_not_be_exported_is_not_trained(tiny_model: Path, method: str) -> None:
    model = settings_of(tiny_model, method=method, rank=2, image_encoder=True)
    with pytest.raises(UsageError, match="image_encoder: true needs method: controlnext"):
        prepare_video(load_video(model), model)


def test_an_adapter_changes_nothing_at_first(tiny_model: Path) -> None:
    pytest.importorskip("peft")
    batch = batch_of()
    plain = loss_of(settings_of(tiny_model, trainable="none"), batch)
    adapted = loss_of(settings_of(tiny_model, method="lora", rank=2), batch)
    assert torch.equal(plain, adapted)


def test_an_adapter_can_be_added_to_what_else_learns(tiny_model: Path) -> None:
    pytest.importorskip("peft")
    model = settings_of(tiny_model, rank=2, trainable="conv_out")
    pipeline = load_video(model)
    prepare_video(pipeline, model)
    chosen = {name for name, p in pipeline.unet.named_parameters() if p.requires_grad}
    assert {"conv_out.weight", "conv_out.bias"} <= chosen
    assert all(".lora_" in name for name in chosen - {"conv_out.weight", "conv_out.bias"})


def test_checkpointing_changes_memory_not_numbers(tiny_model: Path) -> None:
    batch, model = batch_of(), settings_of(tiny_model, trainable="all")
    gradients = []
    for checkpointing in (False, True):
        pipeline = load_video(model)
        parts, _ = prepare_video(pipeline, model, checkpointing=checkpointing)
        assert pipeline.unet.is_gradient_checkpointing == checkpointing
        loss = VideoTask(parts, LOSS).loss(batch, Share(seed=0, size=2).generators(0, 0))
        loss.backward()
        gradients.append(pipeline.unet.conv_in.weight.grad)
    assert torch.equal(*gradients)


def test_a_base_without_control_gets_an_encoder_that_fits(tiny_model: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny_model, tmp_path / "base")
    shutil.rmtree(base / "controlnext")
    model = settings_of(base)
    pipeline, again = load_video(model), load_video(model)
    inject(pipeline.unet, pipeline.controlnext.injection).remove()
    assert pipeline.controlnext.config.out_channels == 32
    pairs = zip(pipeline.controlnext.parameters(), again.controlnext.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.fixture
def first_generation(tiny_model: Path, tmp_path: Path) -> ModelSettings:
    """For an encoder with a scale of its own, whose control joins through a sigmoid."""
    base = shutil.copytree(tiny_model, tmp_path / "base")
    shutil.rmtree(base / "controlnext")
    return settings_of(base, variant="svd_v1", trainable="none")


def test_an_encoders_own_scale_counts_and_learns(first_generation: ModelSettings) -> None:
    losses = []
    for scale in (1.0, 0.2):
        parts, _ = prepare_video(load_video(first_generation), first_generation)
        parts["controlnext"].scale.data.fill_(scale)
        task = VideoTask(parts, LOSS)
        losses.append(task.loss(batch_of(side=64), Share(seed=0, size=2).generators(0, 0)))
        losses[-1].backward()
        assert parts["controlnext"].scale.grad.abs() > 0
    assert losses[0] != losses[1]


def test_control_left_out_of_a_sigmoid_is_none(first_generation: ModelSettings) -> None:
    settings = replace(LOSS, control_dropout=1.0)
    parts, _ = prepare_video(load_video(first_generation), first_generation)
    task, batch = VideoTask(parts, settings), batch_of(side=64)
    dark = replace(batch, control=torch.zeros_like(batch.control))
    losses = [task.loss(one, Share(seed=0, size=2).generators(0, 0)) for one in (batch, dark)]
    assert losses[0] == losses[1]
    assert losses[0].isfinite()
    losses[0].backward()
    assert all(p.grad is None or not p.grad.any() for p in parts["controlnext"].parameters())


def test_the_autoencoder_keeps_its_precision(tiny_model: Path) -> None:
    model, seen = settings_of(tiny_model), set()
    parts, _ = prepare_video(load_video(model), model)
    parts["vae"].encoder.conv_out.register_forward_hook(
        lambda module, inputs, output: seen.add(output.dtype)
    )
    with torch.autocast("cpu", torch.bfloat16):
        VideoTask(parts, LOSS).loss(batch_of(), Share(seed=0, size=2).generators(0, 0))
    assert seen == {torch.float32}


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model_index\.json"):
        load_video(settings_of(tmp_path))


def _fill(module: torch.nn.Module) -> None:
    for parameter in module.parameters(recurse=False):
        torch.nn.init.constant_(parameter, 0.1)
