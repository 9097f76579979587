"""What a portrait shows in plain words, and the prompts that say some of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Share of the prompts that leave a fact away, by field: users write a few words, not all.
LEFT_OUT = {"hair": 0.5, "skin": 0.6, "place": 0.25, "action": 0.6, "framing": 0.6, "worn": 0.2}
SHIRTLESS = 0.1  # share that does not say what the shirt is like


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A portrait in words: colours are keys of portraits.COLOURS or HAIR, the rest plain English.

    worn: what covers the legs, "trousers" for one; legs: its colour; place: the wall's.
    """

    noun: str
    shirt: str
    worn: str
    legs: str
    hair: str
    skin: str
    place: str
    action: str
    framing: str

    def prompt(self, rng: np.random.Generator | None = None) -> str:
        """One sentence: everything, or with a generator as much as a user might write."""

        def said(field: str, share: float | None = None) -> bool:
            left_out = LEFT_OUT[field] if share is None else share
            return rng is None or bool(rng.random() >= left_out)

        worn = [_article(f"{self.shirt} shirt")] if said("shirt", SHIRTLESS) else []
        below = f"{self.legs} {self.worn}"
        worn += [_article(below) if self.worn == "skirt" else below] if said("worn") else []
        looks = [f"{self.hair} hair"] if said("hair") else []
        looks += [f"{self.skin} skin"] if said("skin") else []
        words = [self.noun]
        words += ["in", " and ".join(worn)] if worn else []
        words += ["with", " and ".join(looks)] if looks else []
        parts = [" ".join(words)]
        parts += [self.action] if said("action") else []
        parts += [f"{self.place} background"] if said("place") else []
        parts += [self.framing] if said("framing") else []
        return ", ".join(parts)

    def words(self) -> list[str]:
        """The words and marks of the whole prompt, as a tokenizer cuts it."""
        return self.prompt().replace(",", " ,").split()


def _article(phrase: str) -> str:
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase
