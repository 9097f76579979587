import torch
from torch import nn

from animate.training.ema import Ema


def module_of(value: float) -> nn.Linear:
    module = nn.Linear(2, 2)
    nn.init.constant_(module.weight, value)
    module.bias.requires_grad_(False)
    return module


def test_the_average_follows_what_is_trained() -> None:
    module = module_of(0.0)
    ema = Ema(module, limit=0.9)
    assert list(ema.average) == ["weight"]
    nn.init.ones_(module.weight)
    ema.update(10_000)
    torch.testing.assert_close(ema.average["weight"], torch.full((2, 2), 0.1))


def test_early_averages_forget_fast() -> None:
    module = module_of(0.0)
    ema = Ema(module, limit=0.999)
    nn.init.ones_(module.weight)
    ema.update(0)
    torch.testing.assert_close(ema.average["weight"], torch.full((2, 2), 0.95))


def test_without_a_limit_it_is_the_latest() -> None:
    module = module_of(0.0)
    ema = Ema(module, limit=0.0)
    nn.init.ones_(module.weight)
    ema.update(5)
    assert torch.equal(ema.average["weight"], module.weight)


def test_it_is_in_place_only_inside() -> None:
    module = module_of(0.0)
    ema = Ema(module, limit=0.9)
    nn.init.ones_(module.weight)
    with ema.in_place():
        assert module.weight.sum() == 0
    assert module.weight.sum() == 4


def test_small_steps_of_half_weights_are_not_lost() -> None:
    module = module_of(1.0).bfloat16()
    ema = Ema(module, limit=0.999)
    nn.init.constant_(module.weight, 1.0625)
    ema.update(100_000)
    torch.testing.assert_close(ema.average["weight"], torch.full((2, 2), 1.0000625))
    ema.copy_to_module()
    assert module.weight.dtype == torch.bfloat16
