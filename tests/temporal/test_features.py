from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from temporal.controlnext import ControlNeXt
from temporal.errors import ControlError
from temporal.features import ControlFeatures, check_control, chunk_for
from temporal.windows import plan_windows

FRAMES = 9
TIMESTEPS = torch.tensor([1.0, 0.2])


@pytest.fixture(scope="module")
def control() -> Tensor:
    return torch.rand(FRAMES, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def mixing() -> ControlNeXt:
    """An encoder with two trained temporal layers and two sites."""
    torch.manual_seed(4)
    encoder = ControlNeXt(
        stem_channels=(8,),
        block_channels=(8, 8),
        out_channels=(8, 12),
        site=["conv_in", "mid_block"],
        temporal_layers=2,
    ).eval()
    for layer in encoder.temporal_mixing:
        torch.nn.init.normal_(layer.conv.weight)
    return encoder


def of_frames(features: ControlFeatures, timestep: Tensor, windows: Any) -> dict[int, Tensor]:
    """The features that the windows of one step get, by frame; all sites' in a row."""
    found: dict[int, Tensor] = {}
    for window in windows:
        for frame, *sites in zip(
            window.controls, *features(timestep, window.controls), strict=True
        ):
            flat = torch.cat([site.flatten() for site in sites])
            assert frame not in found or torch.equal(found[frame], flat)
            found[frame] = flat
    return found


def count(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """Collect the batch sizes that a method of the folded encoder is called with."""
    from temporal.folded import FoldedEncoder

    calls: list[int] = []
    original = getattr(FoldedEncoder, name)

    def counted(self: FoldedEncoder, first: Any, *rest: Any) -> Any:
        calls.append(len(first[0]) if isinstance(first, tuple) else len(first))
        return original(self, first, *rest)

    monkeypatch.setattr(FoldedEncoder, name, counted)
    return calls


@pytest.mark.parametrize("chunk", [1, 4])
@pytest.mark.parametrize("blend", ["weighted", "official", "shifted"])
def test_every_frame_is_encoded_once_per_step(
    blend: Any, chunk: int, control: Tensor, encoder: ControlNeXt, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, encoded = count(monkeypatch, "prepare"), count(monkeypatch, "descend")
    features = ControlFeatures(encoder, control, device="cpu", chunk=chunk)
    for step, timestep in enumerate(TIMESTEPS):
        of_frames(features, timestep, plan_windows(FRAMES, 4, 2, blend=blend, step=step))
    assert sum(encoded) == len(TIMESTEPS) * FRAMES
    assert sum(prepared) == FRAMES


def test_memory_bounds_what_is_kept(
    control: Tensor, encoder: ControlNeXt, monkeypatch: pytest.MonkeyPatch
) -> None:
    shortcut, convolved = 16 * 4 * 4, 16 * 8 * 8  # numbers of a frame, as `prepare` returns them
    prepared = count(monkeypatch, "prepare")
    room = 3 * (shortcut + convolved) * 4
    features = ControlFeatures(encoder, control, device="cpu", chunk=1, memory=room)
    for timestep in TIMESTEPS:
        of_frames(features, timestep, plan_windows(FRAMES, 4, 0))
    assert len(prepared) == FRAMES + (FRAMES - 3)


@torch.no_grad()
def test_shared_features_equal_those_of_the_window_alone(
    control: Tensor, encoder: ControlNeXt
) -> None:
    features = ControlFeatures(encoder, control, device="cpu")
    for timestep in TIMESTEPS:
        for window in plan_windows(FRAMES, 4, 2, blend="official"):
            alone = encoder(control[list(window.controls)], timestep)
            (shared,) = features(timestep, window.controls)
            torch.testing.assert_close(shared, alone, atol=1e-4, rtol=1e-4)


@settings(deadline=None, max_examples=25)
@given(
    chunk=st.integers(1, 5),
    memory=st.sampled_from([0, 12_000, 2**30]),
    window=st.integers(1, 9),
    overlap=st.integers(0, 3),
    blend=st.sampled_from(["weighted", "shifted"]),
)
def test_features_depend_neither_on_windows_nor_on_memory(
    chunk: int, memory: int, window: int, overlap: int, blend: Any,
    control: Tensor, mixing: ControlNeXt,
) -> None:  # fmt: skip
    whole = ControlFeatures(mixing, control, device="cpu", chunk=chunk)
    parts = ControlFeatures(mixing, control, device="cpu", chunk=chunk, memory=memory)
    for step, timestep in enumerate([*TIMESTEPS, TIMESTEPS[0]]):
        expected = of_frames(whole, timestep, plan_windows(FRAMES, FRAMES))
        plan = plan_windows(FRAMES, window, min(overlap, window - 1), blend=blend, step=step)
        got = of_frames(parts, timestep, plan)
        assert got.keys() == expected.keys()
        assert all(torch.equal(got[frame], expected[frame]) for frame in expected)


@torch.no_grad()
@pytest.mark.parametrize("chunk", [1, 2, 4, 9])
def test_mixed_frames_see_those_outside_their_window(
    chunk: int, control: Tensor, mixing: ControlNeXt
) -> None:
    expected = mixing(control[None], TIMESTEPS[0])
    features = ControlFeatures(mixing, control, device="cpu", chunk=chunk)
    for window in plan_windows(FRAMES, 4, 1, blend="official"):
        for got, whole in zip(features(TIMESTEPS[0], window.controls), expected, strict=True):
            torch.testing.assert_close(got, whole[list(window.controls)], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("reached", [False, True])
def test_kept_chunks_do_not_grow_with_the_clip(
    reached: bool, encoder: ControlNeXt, mixing: ControlNeXt
) -> None:
    held = []
    for frames in (20, 60):
        clip = torch.rand(1, 3, 16, 16).expand(frames, -1, -1, -1)
        chosen = mixing if reached else encoder
        features = ControlFeatures(chosen, clip, device="cpu", chunk=2, memory=0)
        most = 0
        for window in plan_windows(frames, 5, 2):
            features(TIMESTEPS[0], window.controls)
            most = max(most, len(features._features) + len(features._hidden))
        held.append(most)
    assert held[0] == held[1] <= 7


def test_frames_are_drawn_when_needed(control: Tensor, encoder: ControlNeXt) -> None:
    drawn: list[tuple[int, int]] = []

    def draw(start: int, stop: int) -> Tensor:
        drawn.append((start, stop))
        return control[start:stop]

    features = ControlFeatures(encoder, draw, device="cpu", frames=FRAMES, chunk=2)
    features(TIMESTEPS[0], range(3))
    assert drawn == [(0, 2), (2, 4)]
    features(TIMESTEPS[0], range(7, 9))
    assert drawn[2:] == [(6, 8), (8, 9)]
    features(TIMESTEPS[1], range(9))  # what is kept is not drawn again
    assert drawn[4:] == [(4, 6)]


def test_a_callable_needs_the_number_of_frames(encoder: ControlNeXt) -> None:
    with pytest.raises(ControlError, match="number of frames"):
        ControlFeatures(encoder, lambda start, stop: torch.empty(0), device="cpu")


def test_large_pictures_are_encoded_one_by_one() -> None:
    assert chunk_for(576, 1024) == 1
    assert chunk_for(256, 384) == 2
    assert chunk_for(8, 8) == 8


@pytest.mark.parametrize(
    ("control", "message"),
    [
        (torch.rand(2, 3, 8, 8), "expected control frames"),
        (torch.rand(1, 1, 8, 8), "expected control frames"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "must be floats"),
        (torch.full((1, 3, 8, 8), 255.0), "divide 8-bit"),
        (torch.full((1, 3, 8, 8), float("nan")), r"in \[0, 1\]"),
    ],
)
def test_unusable_control_is_refused(control: Tensor, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        check_control(control, 1)


@pytest.fixture(scope="module")
def drafting() -> ControlNeXt:
    torch.manual_seed(0)
    return ControlNeXt.from_variant("svd_v2", stem_padding=1, draft_channels=4).eval()


def test_drafts_join_the_features(drafting: ControlNeXt) -> None:
    control, drafts = torch.rand(5, 3, 32, 32), torch.randn(5, 4, 4, 4)
    features = ControlFeatures(drafting, control, device="cpu", chunk=2, drafts=drafts)
    for time in (torch.tensor(1.0), torch.tensor(0.5)):
        with torch.no_grad():
            direct = drafting(control, time, drafts)
        assert torch.allclose(features(time, range(5))[0], direct, atol=1e-5)


def test_drafts_of_another_size_or_for_another_encoder_are_refused(drafting: ControlNeXt) -> None:
    control = torch.rand(1, 3, 32, 32)
    with pytest.raises(ControlError, match="do not fit"):
        drafting(control, 1.0, torch.randn(1, 4, 8, 8))
    with pytest.raises(ControlError, match="0 draft channels"):
        ControlNeXt.from_variant("svd_v2")(control, 1.0, torch.randn(1, 4, 4, 4))
