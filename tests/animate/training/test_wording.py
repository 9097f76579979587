from __future__ import annotations

from dataclasses import replace

import numpy as np

from animate.training.wording import Facts

FACTS = Facts(
    noun="a person",
    shirt="orange",
    worn="skirt",
    legs="blue",
    hair="black",
    skin="fair",
    place="grey",
    action="walking",
    framing="full body",
)


def test_a_whole_prompt_says_everything() -> None:
    assert FACTS.prompt() == (
        "a person in an orange shirt and a blue skirt with black hair and fair skin, walking, "
        "grey background, full body"
    )


def test_trousers_have_no_article() -> None:
    assert "shirt and blue trousers with" in replace(FACTS, worn="trousers").prompt()


def test_some_prompts_are_as_short_as_a_users() -> None:
    rng = np.random.default_rng(0)
    prompts = [FACTS.prompt(rng) for _ in range(300)]
    assert "a person in an orange shirt" in prompts
    assert all(prompt.startswith("a person") for prompt in prompts)
    assert len(set(prompts)) > 50


def test_words_are_cut_as_a_tokenizer_cuts_them() -> None:
    words = FACTS.words()
    assert words[-3:] == [",", "full", "body"]
    assert " ".join(words).replace(" ,", ",") == FACTS.prompt()
