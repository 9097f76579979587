"""Weights put into a model and taken out again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from temporal.errors import CheckpointError
from temporal.patch import Patch, are_increments, changed, difference

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def model(dtype: torch.dtype = torch.float32, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.GroupNorm(1, 3)).to(dtype)


def state(module: nn.Module) -> dict[str, Tensor]:
    return {key: tensor.clone() for key, tensor in module.state_dict().items()}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return all(torch.equal(left[key], right[key]) for key in left)


@given(
    dtype=st.sampled_from(DTYPES),
    increments=st.booleans(),
    magnitude=st.sampled_from([1e-8, 1e-3, 1.0, 1e4]),
)
def test_weights_come_back_bit_for_bit(
    dtype: torch.dtype, increments: bool, magnitude: float
) -> None:
    module = model(dtype)
    before = state(module)
    tensors = {"0.weight": magnitude * torch.randn(3, 4), "1.bias": torch.full((3,), magnitude)}
    with Patch(module, tensors, increments=increments):
        pass
    assert same(before, state(module))


@given(dtype=st.sampled_from(DTYPES))
def test_patches_over_each_other_come_out_in_reverse(dtype: torch.dtype) -> None:
    module = model(dtype)
    before = state(module)
    first = Patch(module, {"0.bias": torch.full((3,), 0.1)}, increments=True)
    between = state(module)
    second = Patch(module, {"0.bias": torch.full((3,), 1e5 / 3)}, increments=True)
    second.remove()
    assert same(between, state(module))
    first.remove()
    first.remove()
    assert same(before, state(module))


def test_values_replace_and_increments_add() -> None:
    module = model()
    before = module.state_dict()["0.bias"].clone()
    Patch(module, {"0.bias": torch.ones(3)}, increments=True)
    assert torch.equal(module.state_dict()["0.bias"], before + 1)
    patch = Patch(module, {"0.bias": torch.ones(3)})
    assert torch.equal(module.state_dict()["0.bias"], torch.ones(3))
    assert str(patch) == "values of 1 of 4 tensors"


def test_small_increments_are_added_before_rounding() -> None:
    module = model(torch.float16)
    nn.init.constant_(module.get_parameter("0.bias"), 1.0)
    Patch(module, {"0.bias": torch.full((3,), 6e-4)}, increments=True)
    assert torch.equal(module.state_dict()["0.bias"], torch.full((3,), 1.0006).half())


@pytest.mark.parametrize(
    ("tensors", "complaint"),
    [
        ({"0.bias": torch.ones(3), "no.such": torch.ones(1)}, r"unexpected: no\.such"),
        ({"0.weight": torch.ones(3), "0.bias": torch.ones(3)}, r"0\.weight \(3,\) instead of"),
        ({}, "holds no tensors"),
    ],
)
def test_what_does_not_fit_changes_nothing(tensors: dict[str, Tensor], complaint: str) -> None:
    module = model()
    before = state(module)
    with pytest.raises(CheckpointError, match=complaint):
        Patch(module, tensors)
    assert same(before, state(module))


def test_without_originals_nothing_can_be_taken_out() -> None:
    patch = Patch(model(), {"0.bias": torch.ones(3)}, keep=False)
    with pytest.raises(CheckpointError, match="not kept"):
        patch.remove()


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_differences_lead_exactly_to_tuned_half_weights(dtype: torch.dtype) -> None:
    base, tuned = model(dtype), model(dtype, seed=1)
    Patch(base, difference(tuned.state_dict(), base.state_dict()), increments=True)
    assert same(state(tuned), state(base))


def test_only_what_changed_is_a_difference() -> None:
    base = state(model())
    tuned = {**base, "0.bias": base["0.bias"] + 1}
    assert list(changed(tuned, base)) == list(difference(tuned, base)) == ["0.bias"]
    with pytest.raises(CheckpointError, match=r"base: unexpected: other"):
        changed({"other": torch.ones(1)}, base)


@pytest.mark.parametrize("size", [1e-4, 1e-2, 0.1])
def test_increments_are_told_from_values(size: float) -> None:
    base = state(model())
    steps = {key: size * torch.randn(tensor.shape) for key, tensor in base.items()}
    assert are_increments(steps, base)
    assert not are_increments({key: base[key] + steps[key] for key in base}, base)
    assert not are_increments({key: base[key].half() for key in base}, base)
