from pathlib import Path

import pytest

from animate.errors import UsageError
from animate.training.config import load_settings, settings_from
from animate.training.settings import StillLoss, VideoLoss


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "run.yaml"
    file.write_text(
        f"output: {tmp_path}/out\n"
        f"data: {{dataset: {tmp_path}, sizes: [64x96, 96x64]}}\n"
        "loop: {steps: 20, rate: 1e-4}\n"
    )
    return file


def test_a_file_becomes_settings_and_the_rest_has_defaults(config: Path) -> None:
    settings = load_settings(config)
    assert settings.loop.steps == 20
    assert settings.loop.rate == 1e-4  # which YAML reads as a word
    assert settings.data.pixels() == [(64, 96), (96, 64)]
    assert settings.model.method == "controlnext"
    assert isinstance(settings.loss, VideoLoss)


def test_words_replace_what_the_file_says(config: Path) -> None:
    settings = load_settings(config, ["loop.steps=7", "model.rank=4", "data.fps=12"])
    assert (settings.loop.steps, settings.model.rank, settings.data.fps) == (7, 4, 12.0)


def test_the_family_decides_the_kind_of_loss(config: Path) -> None:
    words = ["model.family=sd15", f"model.base={config.parent}", "loss.prompt_dropout=0.2"]
    assert load_settings(config, words).loss == StillLoss(prompt_dropout=0.2)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("loop.stpes=7", r"unknown key loop\.stpes; did you mean steps\?"),
        ("lop.steps=7", r"unknown key lop; did you mean loop\?"),
        ("loop.steps=many", r"loop\.steps expects a whole number, got 'many'"),
        ("loop.steps=0", "of at least 1, got 0"),
        ("loop.checkpointing=3", "expects true or false"),
        ("loop.precision=int4", r"no \| bf16 \| fp16"),
        ("model.method=lora", "needs a rank"),
        ("model.family=sd15", "needs a base folder"),
        ("data.dataset=nowhere", "no such file or folder"),
        ("data.sizes=[big]", "WIDTHxHEIGHT"),
        ("preview.driving=.", "give both or neither"),
        ("loop", "expected section.key=value"),
    ],
)
def test_mistakes_are_named_in_one_line(config: Path, word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        load_settings(config, [word])
    assert "\n" not in str(caught.value)


def test_what_must_be_said_is_asked_for() -> None:
    with pytest.raises(UsageError, match="output is missing"):
        settings_from({"data": {"dataset": "."}})
    with pytest.raises(UsageError, match="data is missing"):
        settings_from({"output": "x"})


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("loop: {steps: [}")
    with pytest.raises(UsageError, match=r"bad\.yaml cannot be read"):
        load_settings(file)
