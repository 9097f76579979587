import importlib.util
from dataclasses import replace

import pytest
import torch
from torch import nn

from animate.errors import UsageError
from animate.training.optimize import build_optimizer
from animate.training.settings import LoopSettings

SETTINGS = LoopSettings(rate=0.5)


def module() -> nn.ModuleDict:
    return nn.ModuleDict({"unet": nn.Linear(2, 2), "control": nn.Linear(2, 2)})


def test_the_longest_beginning_that_fits_sets_the_factor() -> None:
    parts = module()
    optimizer = build_optimizer(parts, {"unet.": 0.1, "unet.bias": 3.0}, SETTINGS)
    factors = {
        name: group["rate"]
        for group in optimizer.param_groups
        for name, parameter in parts.named_parameters()
        if any(parameter is one for one in group["params"])
    }
    assert factors == {
        "unet.weight": 0.1, "unet.bias": 3.0, "control.weight": 1.0, "control.bias": 1.0,
    }  # fmt: skip


def test_what_does_not_learn_is_left_out() -> None:
    parts = module()
    parts["unet"].requires_grad_(False)
    optimizer = build_optimizer(parts, {}, SETTINGS)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 2


def test_nothing_to_train_is_an_error() -> None:
    with pytest.raises(UsageError, match="nothing is to be trained"):
        build_optimizer(module().requires_grad_(False), {}, SETTINGS)


def test_eight_bits_need_a_library() -> None:
    if importlib.util.find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is here")
    with pytest.raises(UsageError, match=r"pip install bitsandbytes, or use loop.optimizer=adamw$"):
        build_optimizer(module(), {}, replace(SETTINGS, optimizer="adamw8bit"))


def test_eight_bits_are_kept_and_learn() -> None:
    pytest.importorskip("bitsandbytes")
    layer = nn.Linear(64, 64)  # smaller ones stay at 32 bits
    before = layer.weight.detach().clone()
    optimizer = build_optimizer(layer, {}, replace(SETTINGS, rate=1e-3, optimizer="adamw8bit"))
    layer(torch.ones(1, 64)).sum().backward()
    optimizer.step()
    assert optimizer.state[layer.weight]["state1"].dtype == torch.uint8
    assert 5e-4 < float((layer.weight.detach() - before).abs().max()) < 2e-3
