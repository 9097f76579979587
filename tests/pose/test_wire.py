from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pose.wire import receive, send

FLOATS = arrays.arrays(np.float64, arrays.array_shapes(min_dims=1, max_dims=3, min_side=0))


@given(st.lists(FLOATS, max_size=3), st.dictionaries(st.text(), st.none() | st.integers()))
def test_messages_arrive_as_they_were_sent(sent: list[np.ndarray], facts: dict[str, int]) -> None:
    stream = io.BytesIO()
    for _ in range(2):
        send(stream, "estimate", *sent, values=facts)
    stream.seek(0)
    for _ in range(2):
        message = receive(stream)
        assert message is not None
        assert (message.kind, message.facts) == ("estimate", {"values": facts})
        for got, array in zip(message.arrays, sent, strict=True):
            np.testing.assert_array_equal(got, array)
    assert receive(stream) is None


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_torn_message_is_none(part: float) -> None:
    stream = io.BytesIO()
    send(stream, "estimate", np.ones((3, 133, 2)))
    content = stream.getvalue()
    assert receive(io.BytesIO(content[: int(len(content) * part)])) is None


def test_nothing_is_pickled() -> None:
    with pytest.raises(ValueError, match="pickle"):
        send(io.BytesIO(), "estimate", np.array([object()], dtype=object))
