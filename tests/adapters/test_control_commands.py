"""Who may give which command on the control socket, and what it may say."""

import os
from collections.abc import Mapping

import pytest

from hakeeper.adapters.control_commands import BadRequest, Command, Commands


def _pause(request: Mapping[str, object], user_id: int) -> Mapping[str, object]:
    if request.get("for_s") == 0:
        raise BadRequest("for_s is too short")
    return {"for_s": request.get("for_s"), "user_id": user_id}


@pytest.fixture
def commands() -> Commands:
    return Commands(
        {
            "status": Command(lambda *_: {"health": "ok"}),
            "reload": Command(lambda *_: {"refused": []}, only_root=True),
            "pause": Command(_pause, only_root=True, takes=("for_s",)),
        }
    )


KNOWN = "known: status, reload, pause"


def refused(code: str, text: str) -> Mapping[str, object]:
    return {"error": text, "code": code}


def unknown(name: str) -> Mapping[str, object]:
    return refused("unknown_command", f"unknown command {name}; {KNOWN}")


@pytest.mark.parametrize(
    ("name", "user_id", "answer"),
    [
        ("status", 12345, {"health": "ok"}),
        ("reload", 0, {"refused": []}),
        ("reload", os.geteuid(), {"refused": []}),
        ("reload", 12345, refused("not_permitted", "only root may reload")),
        ("stop", 0, unknown("'stop'")),
        (["status"], 0, unknown("\"['status']\"")),
        ("x" * 99, 0, unknown(repr("x" * 40))),
    ],
)
def test_a_request_has_one_answer(
    commands: Commands, name: object, user_id: int, answer: Mapping[str, object]
) -> None:
    assert answer == commands.answer({"command": name}, user_id)


def test_a_request_without_a_command_is_answered_too(commands: Commands) -> None:
    assert unknown("'None'") == commands.answer({}, 0)


def test_a_command_gets_its_parameters_and_the_user(commands: Commands) -> None:
    answer = commands.answer({"command": "pause", "for_s": 60}, os.geteuid())
    assert {"for_s": 60, "user_id": os.geteuid()} == answer


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"command": "status", "for_s": 1}, "status takes no 'for_s'"),
        ({"command": "pause", "for": 1}, "pause takes no 'for'"),
        ({"command": "pause", "y" * 99: 1}, f"pause takes no {'y' * 40!r}"),
        ({"command": "pause", "for_s": 0}, "pause: for_s is too short"),
    ],
)
def test_what_a_command_does_not_take_is_refused(
    commands: Commands, request_: Mapping[str, object], text: str
) -> None:
    assert refused("bad_request", text) == commands.answer(request_, 0)


def test_who_may_not_pause_hears_nothing_of_parameters(commands: Commands) -> None:
    answer = commands.answer({"command": "pause", "for": 1}, 12345)
    assert refused("not_permitted", "only root may pause") == answer
