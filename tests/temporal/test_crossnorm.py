from __future__ import annotations

import pytest
import torch
from torch import Tensor

from temporal.crossnorm import cross_normalize, fit_control


def maps(control_size: int = 12, feature_size: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    control = 3 + 2 * torch.randn(2, 8, control_size, control_size, generator=generator)
    feature = -1 + 5 * torch.randn(2, 8, feature_size, feature_size, generator=generator)
    return control, feature


def test_control_gets_the_statistics_of_its_own_sample() -> None:
    control, feature = maps()
    feature[1] *= 4
    fitted = cross_normalize(control, feature, eps=1e-12)
    for got, wanted in zip(fitted, feature, strict=True):
        torch.testing.assert_close(got.mean(), wanted.mean())
        torch.testing.assert_close(got.std(), wanted.std())


def test_pooling_last_leaves_less_spread_than_pooling_first() -> None:
    control, feature = maps()
    last = fit_control(control, feature, eps=1e-5, order="norm_pool")
    first = fit_control(control, feature, eps=1e-5, order="pool_norm")
    assert last.shape == first.shape == feature.shape
    torch.testing.assert_close(
        first.std(dim=(1, 2, 3)), feature.std(dim=(1, 2, 3)), rtol=1e-4, atol=0
    )
    assert (last.std(dim=(1, 2, 3)) < 0.7 * feature.std(dim=(1, 2, 3))).all()


@pytest.mark.parametrize("size", [1, 3, 6, 7, 13])
def test_any_control_size_fits(size: int) -> None:
    control, feature = maps(control_size=size)
    fitted = fit_control(control, feature, eps=1e-5, order="norm_pool")
    assert fitted.shape == feature.shape
    assert fitted.isfinite().all()


def test_statistics_are_float32_under_autocast() -> None:
    control, feature = maps()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fitted = cross_normalize(control.bfloat16(), feature.bfloat16(), eps=1e-5)
    assert fitted.dtype == torch.float32


def test_gradients_stay_finite_for_a_constant_control() -> None:
    _, feature = maps()
    control = torch.ones(2, 8, 12, 12, requires_grad=True)
    cross_normalize(control, feature, eps=1e-5).sum().backward()
    assert control.grad is not None
    assert control.grad.isfinite().all()
