"""The control socket: any bytes in any pieces get one line of JSON, or nothing."""

import json
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.adapters.control_codes import REQUEST_LIMIT_BYTES
from tests.fuzz import control
from tests.fuzz.pieces import uncut
from tests.properties.steady import steady

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
REQUESTS = st.one_of(
    st.dictionaries(st.just("command"), JSON | st.just("status")).map(json.dumps),
    JSON.map(json.dumps),
    st.text(),
).map(lambda text: text.encode("utf-8", "surrogatepass"))
ENDS = st.sampled_from([b"", b"\n", b"\n\n", b"\r\n", b"\n{}\n", b"x" * REQUEST_LIMIT_BYTES])


@pytest.fixture(autouse=True, scope="module")
def _server_is_taken_down() -> Iterator[None]:
    yield
    control.close()


@steady(300)
@given(REQUESTS | st.binary(max_size=200), ENDS, st.lists(st.integers(0, 80), max_size=6))
def test_any_request_in_any_pieces_gets_one_answer_or_none(
    request: bytes, end: bytes, cuts: list[int]
) -> None:
    control.run(uncut(request + end, *cuts))


@pytest.mark.parametrize("opening", [b"[", b'{"":', b'{"command":['])
def test_a_request_may_be_as_deep_as_it_likes(opening: bytes) -> None:
    """Not drawn: hypothesis lifts the limit of recursion, which is what this is about."""
    limit = sys.getrecursionlimit()
    for depth in (*range(0, limit - 150, 50), *range(limit - 150, limit + 10)):
        control.run(uncut((opening * depth)[: REQUEST_LIMIT_BYTES - 1] + b"\n"))
        closing = {b"[": b"]", b'{"":': b"}"}.get(opening, b"]}")
        inner = opening * depth + b"1" + closing * depth
        control.run(uncut(b'{"command":' + inner + b"}\n"))
    control.run(uncut((opening * REQUEST_LIMIT_BYTES)[: REQUEST_LIMIT_BYTES - 1] + b"\n"))
