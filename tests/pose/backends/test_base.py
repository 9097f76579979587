from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pose.backends import (
    Estimate,
    backend_for,
    backend_names,
    base,
    open_backend,
    register_backend,
    resolve_backend,
    sees_one,
    version_of,
    with_device,
)
from pose.errors import BackendError
from pose.skeleton import COUNT


class Nobody:
    """An estimator that sees nobody."""

    name = "nobody"

    def __init__(self, static: bool = False) -> None:
        self.static = static
        self.closed = False

    def estimate(self, frame: NDArray[np.uint8]) -> Estimate:
        return np.empty((0, COUNT, 2)), np.empty((0, COUNT))

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No estimators but the package's, and no models on this machine."""
    monkeypatch.setattr(base, "_REGISTERED", {})
    for variable in ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "ANIMATE_MODELS"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


def test_known_estimators_are_listed_with_registered_ones() -> None:
    assert backend_names() == ("dwpose", "mediapipe")
    register_backend("nobody", Nobody)
    assert backend_names() == ("dwpose", "mediapipe", "nobody")


@pytest.mark.parametrize("static", [True, False])
def test_a_registered_estimator_is_opened_by_its_name(static: bool) -> None:
    register_backend("no:body@cpu", Nobody)
    assert resolve_backend("no:body@cpu") == "no:body@cpu"
    opened = open_backend("no:body@cpu", static=static)
    assert isinstance(opened, Nobody)
    assert opened.static is static


def test_a_name_is_closed_after_use_and_a_lent_one_is_not() -> None:
    register_backend("nobody", Nobody)
    with backend_for("nobody") as opened:
        assert not vars(opened)["closed"]
    assert vars(opened)["closed"]
    with backend_for(lent := Nobody()) as same:
        assert same is lent
    assert not lent.closed


@pytest.mark.parametrize("name", ["", "nonsense", "dwpose:", "auto:folder", "@cuda", "dwpose@gpu"])
def test_unknown_names_say_what_is_known(name: str) -> None:
    for ask in (resolve_backend, open_backend, version_of):
        with pytest.raises(BackendError, match="expected one of: auto, dwpose, mediapipe, dwpose:"):
            ask(name)


@given(place=st.text(min_size=1).filter(lambda text: "@" not in text), device=st.booleans())
def test_names_are_their_own_resolution(place: str, device: bool) -> None:
    for name in (f"dwpose:{place}", f"mediapipe:{place}", f"dwpose:a@b/{place}"):
        asked = f"{name}@cpu" if device else name
        assert resolve_backend(asked) == asked


def test_auto_is_mediapipe_where_dwpose_has_no_files() -> None:
    assert resolve_backend() == "mediapipe"


def test_dwpose_without_files_says_how_to_get_them() -> None:
    with pytest.raises(BackendError, match="animate models fetch dwpose"):
        version_of("dwpose")


@pytest.mark.parametrize(
    ("name", "device", "result"),
    [
        ("dwpose", "cuda", "dwpose@cuda"),
        ("dwpose:/a b", "cuda", "dwpose:/a b@cuda"),
        ("dwpose", "auto", "dwpose"),
        ("dwpose@cpu", "cuda", "dwpose@cpu"),
        ("mediapipe", "cuda", "mediapipe"),
        ("auto", "cuda", "auto"),
    ],
)
def test_a_general_device_reaches_those_that_have_a_choice(
    name: str, device: str, result: str
) -> None:
    assert with_device(name, device) == result


def test_mediapipe_refuses_cuda() -> None:
    with pytest.raises(BackendError, match="CPU only"):
        open_backend("mediapipe@cuda")


def test_facts_that_are_not_stated_have_a_default() -> None:
    assert version_of(Nobody()) == ""
    assert not sees_one(Nobody())
    register_backend("nobody", Nobody)
    assert version_of("nobody") == ""


def test_a_registered_estimator_is_asked_for_its_version() -> None:
    register_backend("dated", lambda static: type("Dated", (Nobody,), {"version": "7"})())
    assert version_of("dated") == "7"


def test_the_version_of_a_name_is_that_of_the_opened_estimator() -> None:
    with backend_for("mediapipe") as opened:
        assert version_of("mediapipe") == version_of(opened) != ""


def test_resolving_imports_nothing_heavy() -> None:
    heavy = "{'rtmlib', 'onnxruntime', 'mediapipe', 'huggingface_hub'}"
    code = (
        "import sys; from pose.backends import resolve_backend; resolve_backend(); "
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
