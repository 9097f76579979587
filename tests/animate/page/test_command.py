"""The command that the page shows does what the page did."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from animate.commands import options, video
from animate.config import ALIGNMENTS, ATTENTIONS, RAMPS, WINDOWS, Settings
from animate.page.command import command_line

numbers = st.floats(0.01, 100)
counts = st.integers(1, 10_000)
CHOSEN = {
    "size": st.tuples(counts, counts),
    "frames": counts,
    "fps": numbers,
    "person": st.one_of(
        st.sampled_from(["largest", "all"]), counts, st.tuples(st.just(3.5), st.just(80.0))
    ),
    "smooth": st.floats(0, 1),
    "cache": st.booleans(),
    "align": st.sampled_from(ALIGNMENTS),
    "steps": counts,
    "guidance": st.one_of(st.floats(1, 20), st.tuples(st.floats(1, 20), st.floats(1, 20))),
    "ramp": st.sampled_from(RAMPS),
    "control_scale": st.floats(0, 5),
    "overlap": st.integers(0, 8),
    "windows": st.sampled_from(WINDOWS),
    "noise_aug": st.floats(0, 1),
    "step_cache": st.floats(0, 1),
    "seed": st.integers(0, 2**40),
    "attention": st.sampled_from(ATTENTIONS),
    "compile": st.booleans(),
    "halves_apart": st.booleans(),
    "devices": st.just(("cuda:0", "cuda:1")),
    "pose_backend": st.just("dwpose:my models"),
}


@given(st.fixed_dictionaries({}, optional=CHOSEN))
def test_every_setting_comes_back_from_the_command(chosen: dict[str, Any]) -> None:
    settings = Settings(**chosen)
    assert read(command_line("dance.mp4", "hero.png", settings)) == settings


def test_names_with_spaces_and_dashes_stay_names() -> None:
    line = command_line("-my dance.mp4", "-my hero's.png", Settings())
    parser = argparse.ArgumentParser()
    video.add_arguments(parser)
    arguments = parser.parse_args(shlex.split(line)[1:])
    assert str(arguments.driving) == "-my dance.mp4"
    assert str(arguments.ref) == "-my hero's.png"


def test_defaults_are_not_said() -> None:
    assert command_line("a.mp4", "b.png", Settings()) == "animate a.mp4 --ref=b.png"


def read(line: str) -> Settings:
    """The settings as the plain command takes them from a shell's words."""
    parser = argparse.ArgumentParser()
    video.add_arguments(parser)
    return options.settings(parser.parse_args(shlex.split(line)[1:]))
