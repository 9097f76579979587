"""Methods by kind and name, and which one is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animate.annotators import KINDS, MapSettings, Method, open_annotator, register_method
from animate.annotators.registry import methods
from animate.errors import ModelError, UsageError


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("ANIMATE_MODELS", raising=False)


def test_every_kind_has_a_method() -> None:
    assert all(methods(kind) for kind in KINDS)


@pytest.mark.parametrize(("kind", "name"), [("softedge", "classical"), ("lines", "lsd")])
def test_without_weights_the_classical_method_is_taken(kind: str, name: str) -> None:
    with open_annotator(kind) as annotator:
        assert annotator.method == name


@pytest.mark.parametrize(("kind", "name"), [("softedge", "hed"), ("lines", "mlsd")])
def test_a_method_by_name_says_what_it_lacks(kind: str, name: str) -> None:
    with pytest.raises(ModelError, match=r"hf download lllyasviel/Annotators .*use --method"):
        open_annotator(kind, name)


def test_unknown_names_are_told() -> None:
    with pytest.raises(UsageError, match=r"unknown method 'x' for lines; known: auto, mlsd, lsd"):
        open_annotator("lines", "x")
    with pytest.raises(UsageError, match="unknown kind"):
        open_annotator("edges")


def test_another_method_can_be_offered_and_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("animate.annotators.registry._METHODS", [*methods("mask")])
    closed = []

    class White:
        def __call__(self, picture: np.ndarray) -> np.ndarray:
            return np.full_like(picture, 255)

        def close(self) -> None:
            closed.append(True)

    register_method(
        Method(kind="mask", name="white", purpose="all", open_it=lambda settings: White()),
        first=True,
    )
    with open_annotator("mask") as annotator:
        assert annotator(np.zeros((2, 2, 3), np.uint8)).all()
    assert closed == [True]


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match="--look expects"):
        MapSettings(look="cubist")
    with pytest.raises(UsageError, match="--low 90 must not be above --high 80"):
        MapSettings(low=90, high=80)


def test_only_pictures_are_taken() -> None:
    with (
        open_annotator("canny") as annotator,
        pytest.raises(ValueError, match=r"expected \(H, W, 3\) uint8"),
    ):
        annotator(np.zeros((4, 4), np.uint8))
