"""What a client may say of a pause, and how it is refused."""

import pytest

from hakeeper.adapters.control_commands import BadRequest
from hakeeper.adapters.timed_request import TimedRequest, read_timed, read_user

RANGE = "for_s is not a number of seconds from 1 to 86400"


@pytest.mark.parametrize("for_s", [1, 1.0, 1800, 86400.0])
def test_a_pause_is_read(for_s: float) -> None:
    asked = {"command": "pause", "for_s": for_s, "reason": "a new kernel", "user": "ada"}
    assert TimedRequest(float(for_s), "a new kernel", "ada") == read_timed(asked)


def test_reason_and_user_may_be_missing() -> None:
    assert TimedRequest(60.0, "", "") == read_timed({"for_s": 60})


@pytest.mark.parametrize(
    "for_s",
    [None, True, "60", [60], 0, 0.99, -5, 86400.1, 10**400, float("nan"), float("inf")],
    ids=lambda value: str(value)[:12],
)
def test_a_senseless_duration_is_refused(for_s: object) -> None:
    with pytest.raises(BadRequest, match=f"^{RANGE}$"):
        read_timed({"for_s": for_s})


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("reason", 5, "reason is not a text"),
        ("reason", "x" * 201, "reason has 201 characters, at most 200 are possible"),
        ("reason", "a\nb", "reason has characters that cannot be printed"),
        ("reason", "\x1b[2J", "reason has characters that cannot be printed"),
        ("user", None, "user is not a text"),
        ("user", "x" * 65, "user has 65 characters, at most 64 are possible"),
        ("user", "\ud800", "user has characters that cannot be printed"),
    ],
)
def test_a_text_that_does_not_fit_is_refused(name: str, value: object, text: str) -> None:
    with pytest.raises(BadRequest, match=f"^{text}$"):
        read_timed({"for_s": 60, name: value})


def test_the_longest_texts_fit() -> None:
    assert "x" * 64 == read_user({"user": "x" * 64})
    assert "ä" * 200 == read_timed({"for_s": 60, "reason": "ä" * 200}).reason
