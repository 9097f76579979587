"""A first lesson for the text encoder: to tell from a prompt what has which colour.

Learning that "red" belongs to "shirt" from pictures alone takes most of a short training. Here the
last words' states are made to hold the facts plainly, as numbers that a picture model can turn
into colours by one linear map; joint training then goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animate.training.portraits import COLOURS, HAIR
from animate.training.synthetic.views import FRAMINGS
from animate.training.wording import Facts

# sRGB of the words for skin (synthetic/caption.py), from the wardrobe's tones.
SKINS = {
    "very dark": (84, 54, 42), "dark": (122, 79, 56), "brown": (172, 118, 84),
    "tanned": (210, 155, 121), "fair": (238, 199, 176),
}  # fmt: skip
WORN = ("trousers", "shorts", "skirt")
NEARNESS = {name: float(place) for place, (name, *_) in enumerate(FRAMINGS)}
LOUDNESS = 2.0  # of a fact in the states, whose own spread is about 1
FACTS = 5 * 4 + len(WORN) + 2  # numbers that a prompt is told by
BATCH, RATE = 32, 2e-3


def numbers_of(facts: Facts, prompt: str) -> NDArray[np.float32]:
    """What a prompt says, (FACTS,): for each colour whether it is said and which; 0 for the rest.

    Then what is worn, whether it is a woman, and how near the figure is, from -1 to 1.
    """
    colours = (
        (f"{facts.shirt} shirt", COLOURS[facts.shirt.split()[-1]]),
        (f"{facts.legs} {facts.worn}", COLOURS[facts.legs]),
        (f"{facts.place} background", COLOURS[facts.place]),
        (f"{facts.hair} hair", HAIR[facts.hair]),
        (f"{facts.skin} skin", SKINS[facts.skin]),
    )
    told: list[float] = []
    for words, colour in colours:
        said = words in prompt
        told += [float(said), *(said * (value / 127.5 - 1) for value in colour)]
    told += [float(f" {worn}" in prompt) for worn in WORN]
    near = NEARNESS[facts.framing] / 2 - 1 if facts.framing in prompt else 0.0
    return np.array([*told, float("woman" in prompt), near], np.float32) * LOUDNESS


def teach_words(
    encoder: Any,
    tokenizer: Any,
    facts: Sequence[Facts],
    *,
    steps: int,
    seed: int = 0,
    report: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> None:
    """Train a CLIPTextModel so that its states from a prompt's end on begin with ``numbers_of``."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=RATE, betas=(0.9, 0.99))
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    encoder.train()
    for step in range(steps):
        loss = word_loss(
            encoder, tokenizer, [facts[i] for i in rng.integers(len(facts), size=BATCH)], rng
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        decay.step()
        report(step + 1, steps, float(loss.detach()))
    encoder.eval()


def word_loss(
    encoder: Any, tokenizer: Any, facts: Sequence[Facts], rng: np.random.Generator
) -> Tensor:
    """Mean squared error of the facts that the states hold, on a random prompt for each."""
    prompts = [one.prompt(rng) for one in facts]
    pairs = zip(facts, prompts, strict=True)
    wanted = torch.from_numpy(np.stack([numbers_of(*pair) for pair in pairs]))
    ids = tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    states: Tensor = encoder(ids)[0]
    ended = ((ids == tokenizer.eos_token_id).cumsum(dim=1) > 0).float()[..., None]
    error = (states[..., :FACTS] - wanted[:, None]) ** 2 * ended
    mean: Tensor = error.sum() / ended.sum() / FACTS
    return mean
