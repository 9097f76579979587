"""A ControlNet beside a video UNet: what it adds, what it needs, how it is read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from torch import Tensor, nn

from temporal.beside import Beside
from temporal.checkpoints import load_controlnet, load_controlnext, names_controlnet
from temporal.control import features_of, join, load_control
from temporal.controlnet import ControlNet
from temporal.controlnext import ControlNeXt
from temporal.errors import CheckpointError, ControlError, InjectionError

FRAMES, SIDE = 3, 8  # side: of the latents; control is twice as large
UNET = {
    "in_channels": 8,
    "out_channels": 4,
    "block_out_channels": (32, 64),
    "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
    "up_block_types": ("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
    "layers_per_block": 2,
    "num_attention_heads": (2, 2),
    "cross_attention_dim": 16,
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 24,
}
Call = Callable[..., Tensor]


def unet_of(**changes: Any) -> Any:
    torch.manual_seed(0)
    return UNetSpatioTemporalConditionModel(**{**UNET, **changes}).eval()


@pytest.fixture(scope="module")
def unet() -> Any:
    return unet_of()


def loud(part: ControlNet) -> ControlNet:
    for layer in (*part.joins, part.middle, part.embedding.conv_out):
        nn.init.normal_(layer.weight, std=0.1)
    return part


@pytest.fixture(scope="module")
def fresh(unet: Any) -> ControlNet:
    """A ControlNet that has learnt nothing."""
    torch.manual_seed(1)
    return ControlNet.from_unet(unet, halvings=1, control_look="soft").eval()


@pytest.fixture(scope="module")
def trained(unet: Any) -> ControlNet:
    """One whose zero convolutions are zero no more."""
    torch.manual_seed(1)
    return loud(ControlNet.from_unet(unet, halvings=1, control_look="soft").eval())


@pytest.fixture(scope="module")
def call(unet: Any) -> Call:
    """The UNet's answer for one clip, or for several equal ones."""
    torch.manual_seed(2)
    noisy, picture = torch.randn(1, FRAMES, 8, SIDE, SIDE), torch.randn(1, 1, 16)

    @torch.no_grad()
    def answer(clips: int = 1) -> Tensor:
        rows = (noisy.repeat(clips, 1, 1, 1, 1), torch.tensor(1.0), picture.repeat(clips, 1, 1))
        said: Tensor = unet(*rows, added_time_ids=torch.zeros(clips, 3)).sample
        return said

    return answer


@pytest.fixture(scope="module")
def control() -> Tensor:
    return torch.rand(FRAMES, 3, 2 * SIDE, 2 * SIDE, generator=torch.Generator().manual_seed(3))


def hooks(*modules: Any) -> int:
    every = (one for module in modules for one in module.modules())
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks) for one in every)


def handed_on(unet: Any, call: Call) -> list[Tensor]:
    """What the second half is given in a call: what leaves the middle, and the skips."""
    seen: list[Tensor] = []
    handles = [
        unet.mid_block.register_forward_hook(lambda module, args, output: seen.append(output)),
    ]
    handles += [
        block.register_forward_pre_hook(
            lambda module, args, kwargs: seen.extend(kwargs["res_hidden_states_tuple"]),
            with_kwargs=True,
        )
        for block in unet.up_blocks
    ]
    call()
    for handle in handles:
        handle.remove()
    return seen


def test_with_zero_convolutions_nothing_changes(
    unet: Any, fresh: ControlNet, call: Call, control: Tensor
) -> None:
    plain = call()
    with join(unet, fresh) as joined:
        joined.set(fresh.prepare(control))
        assert torch.equal(call(), plain)


def test_control_changes_what_it_may_and_scale_says_how_much(
    unet: Any, trained: ControlNet, call: Call, control: Tensor
) -> None:
    plain = call()
    with torch.no_grad(), join(unet, trained) as joined:
        assert torch.equal(call(), plain)  # nothing is set yet
        answers = {}
        for scale in (0.0, 0.5, 1.0):
            joined.set(trained.prepare(control), scale)
            answers[scale] = call()
        joined.set(trained.prepare(1 - control))
        other = call()
        joined.set(None)
        assert torch.equal(call(), plain)
    assert torch.equal(answers[0.0], plain)
    assert 0 < torch.dist(answers[0.5], plain) < torch.dist(answers[1.0], plain)
    assert not torch.equal(other, answers[1.0])


@pytest.mark.slow  # torch takes its time
@torch.no_grad()
def test_what_was_compiled_without_control_is_not_used_with_it(control: Tensor) -> None:
    plain = {"down_block_types": ("DownBlockSpatioTemporal",), "num_attention_heads": (2,)}
    plain |= {"block_out_channels": (32,), "up_block_types": ("UpBlockSpatioTemporal",)}
    unet = unet_of(**plain, layers_per_block=1)
    part = loud(ControlNet.from_unet(unet, halvings=1, control_look="soft").eval())
    noisy, picture = torch.randn(1, FRAMES, 8, SIDE, SIDE), torch.randn(1, 1, 16)

    def both() -> Tensor:
        answers = [unet(noisy, 1.0, picture, torch.zeros(1, 3)).sample]
        with join(unet, part) as joined:
            joined.set(part.prepare(control))
            answers.append(unet(noisy, 1.0, picture, torch.zeros(1, 3)).sample)
        return torch.stack(answers)

    expected = both()
    unet.compile(backend="eager")
    torch.testing.assert_close(both(), expected, atol=1e-4, rtol=1e-4)
    assert type(unet) is UNetSpatioTemporalConditionModel
    torch.compiler.reset()


@torch.no_grad()
def test_residuals_meet_the_skips_they_are_copies_of(
    unet: Any, call: Call, control: Tensor
) -> None:
    """The copy of an encoder, blind and joined by identities, doubles all that is handed on."""
    part = ControlNet.from_unet(unet, halvings=1, control_look="soft").eval()
    for layer in (*part.joins, part.middle):
        nn.init.dirac_(layer.weight)
    plain = handed_on(unet, call)
    with join(unet, part) as joined:
        joined.set(part.prepare(control))
        doubled = handed_on(unet, call)
    assert len(plain) == len(part.joins) + 1 == 7
    assert all(torch.equal(two, 2 * one) for one, two in zip(plain, doubled, strict=True))


@torch.no_grad()
def test_guidance_halves_see_the_same_control(
    unet: Any, trained: ControlNet, call: Call, control: Tensor
) -> None:
    with join(unet, trained) as joined:
        joined.set(trained.prepare(control), unconditional=FRAMES)
        both, one = call(2), call(1)
    torch.testing.assert_close(both, one.repeat(2, 1, 1, 1, 1))


def test_hooks_are_always_removed(
    unet: Any, trained: ControlNet, call: Call, control: Tensor
) -> None:
    with join(unet, trained) as joined:
        joined.set(trained.prepare(control[:, :, :8]))
        with pytest.raises(InjectionError, match="size of the result"):
            call()
    assert hooks(unet, trained) == 0
    joined.remove()


def test_another_base_is_named(trained: ControlNet) -> None:
    other = unet_of(layers_per_block=1)
    with pytest.raises(InjectionError, match="layers_per_block 2 and 1"):
        Beside(other, trained)
    assert hooks(other) == 0


@torch.no_grad()
def test_a_replica_works_alone_and_shares_the_weights(
    unet: Any, trained: ControlNet, call: Call, control: Tensor
) -> None:
    with join(unet, trained) as joined:
        joined.set(trained.prepare(control))
        wanted = call()
    ran: list[int] = []
    handle = trained.embedding.register_forward_hook(lambda *told: ran.append(1))
    embedded = trained.prepare(control)
    handle.remove()
    with join(unet, trained, device="cpu") as joined:
        assert joined._part is not trained
        assert joined._part.middle.weight.data_ptr() == trained.middle.weight.data_ptr()
        joined.set(embedded)
        assert torch.equal(call(), wanted)


@pytest.mark.parametrize("memory", [0, 10**6])
def test_features_of_a_clip_do_not_depend_on_windows(
    trained: ControlNet, control: Tensor, memory: int
) -> None:
    clip = torch.cat([control, 1 - control, control.flip(-1)])
    told: dict[str, Any] = {"device": "cpu", "chunk": 2, "memory": memory}
    features = features_of(trained, clip, **told)
    whole = features_of(trained, lambda a, b: clip[a:b], frames=len(clip), **told)(
        torch.tensor(1.0), range(len(clip))
    )[0]
    for timestep in (1.0, 0.5):
        for start in (0, 3, 5):
            (part,) = features(torch.tensor(timestep), range(start, start + 4))
            assert torch.equal(part, whole[start : start + 4])


def test_control_frames_out_of_range_are_refused(trained: ControlNet, control: Tensor) -> None:
    features = features_of(trained, control * 255, device="cpu")
    with pytest.raises(ControlError, match="divide 8-bit pictures by 255"):
        features(torch.tensor(1.0), [0])


@pytest.mark.parametrize("number", [torch.float32, torch.float16])
def test_a_folder_is_read_again(
    trained: ControlNet, unet: Any, tmp_path: Path, number: torch.dtype
) -> None:
    part = ControlNet.from_unet(unet, halvings=1, control_look="soft")
    part.load_state_dict(trained.state_dict())
    part.to(number).save_pretrained(tmp_path / "result" / "controlnet")
    for place in (tmp_path / "result" / "controlnet", tmp_path / "result"):
        assert names_controlnet(place)
        again = load_control(place)
        assert isinstance(again, ControlNet)
        assert again.config["control_look"] == "soft"
        assert (again.dtype, again.training) == (torch.float32, False)
        for name, value in part.state_dict().items():
            assert torch.equal(again.state_dict()[name], value.float())


def test_a_control_encoder_is_still_one(tmp_path: Path) -> None:
    ControlNeXt(stem_channels=(8,), block_channels=(8,), out_channels=8).save_pretrained(tmp_path)
    assert not names_controlnet(tmp_path)
    assert isinstance(load_control(tmp_path), ControlNeXt)


def test_what_does_not_fit_is_told(trained: ControlNet, tmp_path: Path) -> None:
    trained.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="holds a ControlNet, no control encoder"):
        load_controlnext(tmp_path)
    config = tmp_path / "config.json"
    told = json.loads(config.read_text())
    config.write_text(json.dumps({**told, "halvings": 2}))
    with pytest.raises(CheckpointError, match="does not fit its own settings: missing: embedding"):
        load_controlnet(tmp_path)
    config.write_text(json.dumps({**told, "unet": {"block_out_channels": [7]}}))
    with pytest.raises(CheckpointError, match="make no encoder"):
        load_controlnet(tmp_path)
    config.write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        load_control(tmp_path)
