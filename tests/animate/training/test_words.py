from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from animate.training.portraits import COLOURS, HAIR, Portraits
from animate.training.synthetic.caption import SKINS as TONES
from animate.training.words import FACTS, LOUDNESS, SKINS, numbers_of, teach_words, word_loss


def test_numbers_tell_colours_that_are_said(portraits: Portraits) -> None:
    facts = portraits.facts[0]
    told = numbers_of(facts, facts.prompt()) / LOUDNESS
    assert told.shape == (FACTS,)
    colour = np.array(COLOURS[facts.shirt.split()[-1]])
    assert told[:4] == pytest.approx([1.0, *(colour / 127.5 - 1)])


def test_numbers_are_zero_for_what_is_not_said(portraits: Portraits) -> None:
    told = numbers_of(portraits.facts[0], "a person")
    assert not told.any()


def test_every_word_for_skin_and_hair_has_a_colour(portraits: Portraits) -> None:
    assert set(SKINS) == {word for _, word in TONES}
    assert {facts.hair for facts in portraits.facts} <= set(HAIR)


def test_a_lesson_teaches_what_is_red(image_parts: dict[str, Any], portraits: Portraits) -> None:
    torch.manual_seed(0)
    encoder, tokenizer = image_parts["text_encoder"], image_parts["tokenizer"]

    def loss() -> float:
        with torch.no_grad():
            rng = np.random.default_rng(5)
            return float(word_loss(encoder, tokenizer, portraits.facts, rng))

    before = loss()
    teach_words(encoder, tokenizer, portraits.facts, steps=30)
    assert loss() < before / 4
