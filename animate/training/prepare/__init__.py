"""Data sets for training from one's own films and photographs."""

from __future__ import annotations

from animate.training.prepare.index import DatasetError, Row, read_index
from animate.training.prepare.plan import Plan
from animate.training.prepare.registry import Annotator, register_annotator, register_captioner
from animate.training.prepare.rules import RULES, Breach, Rule, parse_limits
from animate.training.prepare.run import Prepared, prepare

__all__ = [
    "RULES",
    "Annotator",
    "Breach",
    "DatasetError",
    "Plan",
    "Prepared",
    "Row",
    "Rule",
    "parse_limits",
    "prepare",
    "read_index",
    "register_annotator",
    "register_captioner",
]
