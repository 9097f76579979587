"""The table of rules, and how limits are given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.errors import UsageError
from animate.training.prepare.rules import RULES, Rule, breaches, parse_limits, table


@given(rule=st.sampled_from(RULES), away=st.floats(0.001, 100))
def test_a_limit_itself_will_do_and_what_is_beyond_it_not(rule: Rule, away: float) -> None:
    beyond = rule.limit - away if rule.least else rule.limit + away
    assert breaches({rule.name: rule.limit}, {}) == ()
    (breach,) = breaches({rule.name: beyond}, {})
    assert (breach.rule, breach.value, breach.limit) == (rule.name, beyond, rule.limit)
    assert rule.text in breach.line()


def test_what_was_not_measured_breaks_nothing() -> None:
    assert breaches({}, {}) == ()


def test_what_is_no_number_breaks_its_rule() -> None:
    assert [breach.rule for breach in breaches({"blur": float("nan")}, {})] == ["blur"]


def test_limits_may_be_moved_and_put_off() -> None:
    figures = {"hands": 0.2, "blur": 0.9}
    assert len(breaches(figures, {})) == 2
    assert breaches(figures, parse_limits(["hands=0.1", "blur=off"])) == ()


def test_photographs_need_not_move() -> None:
    assert breaches({"speed": 0.0, "jumps": 1.0}, {}, still=True) == ()


@pytest.mark.parametrize(
    ("word", "told"),
    [("hand=1", "did you mean hands"), ("blur", "NAME=NUMBER"), ("blur=much", "a number or off")],
)
def test_limits_without_sense_are_refused(word: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_limits([word])


def test_the_table_has_a_line_for_each_rule() -> None:
    lines = table({"blur": None})
    assert len(lines) == len(RULES)
    assert "off" in next(line for line in lines if line.startswith("blur"))
