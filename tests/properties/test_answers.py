"""What the API says: any JSON and any head end in a value of right types or in a failure."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from hakeeper.adapters.hetzner.call_guard import Answered, read_head
from hakeeper.adapters.hetzner.cloud import parse
from hakeeper.core.kind import UnreadableAnswer
from tests.fuzz import bodies
from tests.fuzz.bodies import READERS, REQUESTS, block
from tests.fuzz.shapes import mistyped
from tests.properties.odd import spoiled
from tests.properties.steady import steady
from tests.support.hetzner_bodies import action_json, floating_ip_json, page_json, server_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["running", "error", "203.0.113.10", "2001:db8::/64", "::1%lo", "1/33"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
KNOWN = st.sampled_from(
    [
        {"floating_ip": floating_ip_json()},
        {"server": server_json()},
        {"action": action_json(status="error", error={"code": "x", "message": "y"})},
        {"actions": [action_json()]},
        {"servers": [server_json()]},
        page_json([1, 2], 2),
        {"error": {"code": "locked", "message": "no", "details": {}}},
    ]
).map(lambda value: json.loads(json.dumps(value)))


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """Take an answer as the API gives it, and put anything in one place of it."""
    whole: Any = draw(KNOWN)
    part = whole
    while True:
        key = draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        if not (isinstance(part[key], dict | list) and part[key] and draw(st.booleans())):
            break
        part = part[key]
    if draw(st.booleans()):
        del part[key]
    else:
        part[key] = draw(JSON)
    return whole


@steady(400)
@given(
    JSON | damaged(),
    st.integers(0, len(REQUESTS) - 1),
    st.sampled_from([200, 201, 204, 302, 401, 404, 409, 422, 423, 429, 500, 502, 503, 504, 599]),
    st.dictionaries(
        st.sampled_from(["RateLimit-Limit", "RateLimit-Remaining", "Retry-After", "Location"]),
        st.integers(-1, 10**20) | st.text("0123456789 -.eE", max_size=20),
    ),
)
def test_every_answer_ends_a_call_as_it_should(
    body: object, request: int, status: int, headers: dict[str, object]
) -> None:
    """The target calls the adapter, and checks the class of what comes out."""
    bodies.run(bytes((request,)) + block(status, body, **headers))


@pytest.mark.parametrize(("request_index", "body"), bodies.BODIES)
def test_an_odd_value_in_any_place_of_an_answer_is_refused_or_of_the_right_type(
    request_index: int, body: dict[str, object]
) -> None:
    for what, odd in spoiled(body):
        try:
            bodies.run(bytes((request_index,)) + block(200, odd))
            bodies.run(bytes((request_index,)) + block(403, odd, RateLimit_Limit=0))
        except Exception as error:
            raise AssertionError(what) from error


@steady(400)
@given(JSON | damaged())
def test_any_json_is_read_as_a_value_of_right_types_or_refused(value: object) -> None:
    members = value.values() if isinstance(value, dict) else ()
    for member in (value, *members):
        for reader in READERS:
            try:
                read = reader(member)
            except UnreadableAnswer:
                continue
            assert [] == mistyped(read, reader.__annotations__["return"])


@steady(200)
@given(JSON | damaged(), st.integers(-(2**40), 2**40), st.booleans())
def test_pages_only_go_forward(value: object, page: int, is_full: bool) -> None:  # noqa: FBT001
    try:
        following = parse.next_page(value, page, is_full=is_full)
    except UnreadableAnswer:
        return
    assert following is None or following > page


@pytest.mark.parametrize("digits", ["", "-1", "1.5", "1e3", "٣", "9" * 19, " 7 ", "0x10"])
def test_a_header_that_is_no_number_counts_as_absent(digits: str) -> None:
    head = read_head(429, CaseInsensitiveDict({"Retry-After": digits}))
    assert (7.0 if digits == " 7 " else None) == head.retry_after_s


@steady(300)
@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(
            ["RateLimit-Limit", "ratelimit-remaining", "Retry-After", "X-Correlation-Id", "Date"]
        ),
        st.text(max_size=30) | st.integers(0, 10**20).map(str),
    ),
)
def test_any_head_gives_a_quota_and_a_wait_within_bounds(
    status: int, headers: dict[str, str]
) -> None:
    head = read_head(status, CaseInsensitiveDict(headers))
    assert [] == mistyped(head, Answered)
    assert head.retry_after_s is None or 0 <= head.retry_after_s <= 3600
    assert head.quota is None or min(head.quota.limit_per_hour, head.quota.remaining) >= 0
    assert head.correlation_id.isprintable()
    assert len(head.correlation_id) <= 100
