"""`hakeeper drill` without a lab: its connections, and what it says of an end that did not come."""

import socket
import subprocess
import sys
from typing import Any

import pytest

from hakeeper.cli import drill
from hakeeper.cli.drill import Connections, Phase
from tests.support.waiting import eventually

HERE = "127.0.0.1"


def test_connections_that_succeed_are_counted() -> None:
    with socket.create_server((HERE, 0)) as server:
        tries = Connections(server.getsockname()[1])
        tries.begin((HERE,))
        eventually(lambda: tries.tried >= 2)
        tries.end()
    assert (0, 0.0) == (tries.failed, tries.longest_s)


def test_a_gap_lasts_from_the_last_that_succeeded() -> None:
    with socket.create_server((HERE, 0)) as server:
        port = server.getsockname()[1]
    tries = Connections(port)
    tries.begin((HERE,))
    eventually(lambda: tries.failed >= 2)
    tries.end()
    assert tries.failed == tries.tried
    assert tries.longest_s > 0


def test_one_that_never_began_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill, "PAUSE_S", 0.0)
    tries = Connections(9)
    tries.end()
    assert 0 == tries.tried


@pytest.mark.parametrize("role", ["BACKUP", "MASTER"])
def test_addresses_that_stay_elsewhere_are_told(monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    status: dict[str, Any] = {
        "roles": [{"name": "VI_1", "role": role, "addresses": [{"confirmed": False}]}]
    }
    asked: list[object] = []
    monkeypatch.setattr(drill, "do", lambda _socket, request: asked.append(request["command"]))
    monkeypatch.setattr(drill, "look", lambda *_: status)
    monkeypatch.setattr(drill, "BACK_S", 0.3)
    phases = drill._back("/nowhere", {"instances": ["VI_1"]})
    assert ["step-up"] == asked
    assert (["master_again"] if role == "MASTER" else []) == [phase.name for phase in phases]
    there = Phase(name="claimed", text="it has all addresses", seconds=0.5)
    told = list(drill._lines([there, *phases], None, is_back=False))
    assert "    0.50 s  it has all addresses" == told[0]
    assert told[-1].startswith("not back: ")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--stay", "301"), "'301' is not a number of seconds from 0 to 300"),
        (("--stay", "x"), "'x' is not a number of seconds from 0 to 300"),
        (("--stay", "nan"), "'nan' is not a number of seconds from 0 to 300"),
        (("--port", "0"), "'0' is not a port: 1 to 65535"),
        (("--port", "65536"), "'65536' is not a port: 1 to 65535"),
        (("--port", "http"), "'http' is not a port: 1 to 65535"),
    ],
)
def test_a_wrong_value_is_refused(words: tuple[str, ...], why: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hakeeper", "drill", *words], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert 2 == done.returncode
    assert why in done.stderr


def test_without_a_daemon_it_says_so() -> None:
    argv = [sys.executable, "-m", "hakeeper", "drill", "--socket", "/nowhere"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (3, "") == (done.returncode, done.stdout)
    assert "/nowhere" in done.stderr
