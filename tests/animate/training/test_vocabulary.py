from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from animate.training.vocabulary import LAST, learn_merges, write_tokenizer

WORDS = ["a", "person", "in", "red", "green", "shirt", ","]
LENGTH = 12


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> CLIPTokenizer:
    return write_tokenizer(WORDS, tmp_path_factory.mktemp("words"), length=LENGTH)


@given(st.lists(st.text("abcde", min_size=1, max_size=6), min_size=1, max_size=8))
def test_merges_make_every_word_one_piece(words: list[str]) -> None:
    made = {"".join(pair) for pair in learn_merges(words)}
    assert all(len(word) == 1 or word + LAST in made for word in words)


def test_known_words_are_one_token_each(tokenizer: CLIPTokenizer) -> None:
    pieces = tokenizer.tokenize("A person in red, green shirt")
    assert pieces == [word + LAST for word in ["a", "person", "in", "red", ",", "green", "shirt"]]


@pytest.mark.parametrize("text", ["zebra", "weiß", "雪 🙂", "\x00\t\u200b", "x" * 500, ""])
def test_no_text_is_unknown(tokenizer: CLIPTokenizer, text: str) -> None:
    ends = {tokenizer.bos_token_id, tokenizer.eos_token_id}
    inside = tokenizer(text, truncation=True, max_length=LENGTH).input_ids[1:-1]
    assert ends.isdisjoint(inside)
    assert bool(inside) == bool(text)


def test_prompts_have_one_length(tokenizer: CLIPTokenizer) -> None:
    for text in ("", "a red shirt", "red " * 40):
        ids = tokenizer(text, padding="max_length", truncation=True).input_ids
        assert len(ids) == LENGTH


def test_a_written_tokenizer_reads_the_same(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    read = CLIPTokenizer.from_pretrained(tmp_path)
    assert read("a red zebra").input_ids == tokenizer("a red zebra").input_ids
    assert read.model_max_length == LENGTH
