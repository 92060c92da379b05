"""How the listener hands out what it has, in this process."""

import http.client
import threading
from collections.abc import Callable
from itertools import count

import pytest

from hakeeper.metrics import listener as listener_module
from hakeeper.metrics.listener import (
    Address,
    CannotTell,
    Listener,
    Render,
    address,
    listen,
    where,
)


def served() -> Callable[[], str]:
    """Serve a text that counts how often it was made; return how to ask for it."""
    numbers = count(1)

    def render() -> bytes:
        return f"made {next(numbers)}".encode()

    ask = serving(render)
    return lambda: ask()[1]


def serving(render: Render) -> Callable[[], tuple[int, str]]:
    """Serve what `render` makes; return how to ask for it: HTTP status and text."""
    listening = listen(Address(ip="127.0.0.1"))
    listener = Listener(listening, render, "text/plain")
    threading.Thread(target=listener.serve, daemon=True).start()
    port = listening.getsockname()[1]

    def ask() -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/metrics?a=b")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    return ask


def test_many_scrapes_ask_the_daemon_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "KEPT_S", float("inf"))
    ask = served()
    assert ["made 1"] * 5 == [ask() for _ in range(5)]


def test_what_is_old_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "KEPT_S", 0.0)
    ask = served()
    assert ["made 1", "made 2", "made 3"] == [ask() for _ in range(3)]


def test_a_text_that_cannot_be_made_fails_the_scrape_and_is_made_the_next_time() -> None:
    answers: list[bytes | CannotTell] = [CannotTell("nobody may ask"), b"up 1\n"]

    def render() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, CannotTell):
            raise answer
        return answer

    ask = serving(render)
    assert (503, "nobody may ask\n") == ask()
    assert (200, "up 1\n") == ask()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("127.0.0.1:0", "http://127.0.0.1:"),
        ("localhost:0", "http://127.0.0.1:"),
        ("[::1]:0", "http://[::1]:"),
    ],
)
def test_loopback_has_several_names(text: str, shown: str) -> None:
    with listen(address(text)) as listening:
        assert where(listening).startswith(shown)
