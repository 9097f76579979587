"""What users type becomes settings."""

from __future__ import annotations

import pytest

from animate.commands import options
from animate.errors import UsageError
from animate.page.form import Form, given, numeral, whole


def form() -> Form:
    made = Form()
    made.add("steps", object(), whole)
    made.add("size", object(), options.size)
    made.add("guidance", object(), numeral)
    made.add("prompt", object())
    return made


def test_what_is_left_empty_stays_the_models_own() -> None:
    assert form().read(("", None, "", "a dancer")) == {"prompt": "a dancer"}


def test_what_is_typed_is_read() -> None:
    read = form().read(("12", "512x768", " 2.5 ", ""))
    assert read == {"steps": 12, "size": (512, 768), "guidance": 2.5}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("many", "", "", ""), "steps: expected a number, got 'many'"),
        (("2.5", "", "", ""), "steps: expected a whole number, got 2.5"),
        (("inf", "", "", ""), "steps: expected a whole number, got inf"),
        (("", "512", "", ""), "size: expected WIDTHxHEIGHT such as 576x1024, got '512'"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_name(values: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        form().read(values)
    assert str(caught.value) == told


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match="give a driving video first"):
        given(None, "a driving video")
