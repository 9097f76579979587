"""Which weights of a UNet are trained beside the control encoder: a rule over their names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from temporal.errors import CheckpointError

# Rules by name; anything else is a regular expression, searched for in the names. Source: the
# official training scripts: "to_out" SD1.5, "attn2.to_out" SDXL, "to_out+to_v" SVD as described
# (and as an alternative in its script), "all" SVD as shipped.
RULES: dict[str, str] = {
    "none": r"(?!)",
    "to_out": r"to_out",
    "attn2.to_out": r"attn2.*to_out",
    "to_out+to_v": r"to_out|to_v",
    "all": r"",
}


def select_trainable(names: Iterable[str], rule: str) -> list[str]:
    """Return the names, of `named_parameters()` say, that a rule selects, in their order.

    rule: a key of `RULES` or a regular expression. Raises CheckpointError if the expression is
    none, or selects nothing (unless the rule is "none").
    """
    try:
        wanted = re.compile(RULES.get(rule, rule))
    except re.error as error:
        raise CheckpointError(
            f"trainable {rule!r} is neither a rule ({', '.join(RULES)}) nor a regular "
            f"expression: {error}"
        ) from error
    selected = [name for name in names if wanted.search(name)]
    if not selected and rule != "none":
        raise CheckpointError(f"trainable {rule!r} matches no weight of the model; say none")
    return selected
