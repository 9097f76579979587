"""Which UNet weights are trained, by rule."""

from __future__ import annotations

import pytest
from diffusers import UNetSpatioTemporalConditionModel

from temporal.errors import CheckpointError
from temporal.trainable import RULES, select_trainable

NAMES = [
    "down_blocks.0.attn1.to_out.0.weight",
    "down_blocks.0.attn1.to_v.weight",
    "down_blocks.0.attn2.to_out.0.bias",
    "down_blocks.0.norm.weight",
]


@pytest.mark.parametrize(
    ("rule", "chosen"),
    [
        ("none", []),
        ("to_out", [0, 2]),
        ("attn2.to_out", [2]),
        ("to_out+to_v", [0, 1, 2]),
        ("all", [0, 1, 2, 3]),
        (r"norm\.", [3]),
    ],
)
def test_rules_choose_by_name(rule: str, chosen: list[int]) -> None:
    assert select_trainable(NAMES, rule) == [NAMES[index] for index in chosen]


def test_every_rule_but_none_trains_something(unet: UNetSpatioTemporalConditionModel) -> None:
    names = [name for name, _ in unet.named_parameters()]
    counts = {rule: len(select_trainable(names, rule)) for rule in RULES}
    assert counts["none"] == 0
    assert counts["attn2.to_out"] < counts["to_out"] < counts["to_out+to_v"] < counts["all"]
    assert counts["all"] == len(names)


@pytest.mark.parametrize(("rule", "complaint"), [("to_q", "matches no weight"), ("(", "neither")])
def test_a_rule_that_means_nothing_is_refused(rule: str, complaint: str) -> None:
    with pytest.raises(CheckpointError, match=complaint):
        select_trainable(NAMES, rule)
