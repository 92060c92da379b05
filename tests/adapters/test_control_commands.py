"""Who may give which command on the control socket."""

import os
from collections.abc import Mapping

import pytest

from hakeeper.adapters.control_commands import Command, Commands


@pytest.fixture
def commands() -> Commands:
    return Commands(
        {
            "status": Command(lambda: {"health": "ok"}),
            "reload": Command(lambda: {"refused": []}, only_root=True),
        }
    )


@pytest.mark.parametrize(
    ("name", "user_id", "answer"),
    [
        ("status", 12345, {"health": "ok"}),
        ("reload", 0, {"refused": []}),
        ("reload", os.geteuid(), {"refused": []}),
        ("reload", 12345, {"error": "only root may reload"}),
        ("stop", 0, {"error": "unknown command 'stop'; known: status, reload"}),
        (["status"], 0, {"error": "unknown command \"['status']\"; known: status, reload"}),
        ("x" * 99, 0, {"error": f"unknown command {'x' * 40!r}; known: status, reload"}),
    ],
)
def test_a_request_has_one_answer(
    commands: Commands, name: object, user_id: int, answer: Mapping[str, object]
) -> None:
    assert answer == commands.answer({"command": name}, user_id)


def test_a_request_without_a_command_is_answered_too(commands: Commands) -> None:
    expected = {"error": "unknown command 'None'; known: status, reload"}
    assert expected == commands.answer({}, 0)
