"""`hakeeper take` at a terminal and without one, with daemons of all sorts."""

import os
import pty
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from hakeeper.adapters.control_server import BUSY
from tests.cli.test_main import HAKEEPER
from tests.cli.test_pause import Standin, ask

CLAIMED = {"claimed": ["203.0.113.10"], "here": ["203.0.113.11"], "refused": []}
REFUSED = {
    "claimed": [],
    "here": [],
    "refused": [{"instance": "VI_1", "address": "203.0.113.10", "why": "because"}],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def at_a_terminal(path: Path, typed: bytes, *words: str) -> tuple[int, str, str, list[object]]:
    """Run it with a terminal to type on; return its code, stdout, stderr and what was asked."""
    daemon = Standin(path, CLAIMED)
    ours, theirs = pty.openpty()
    with daemon.running():
        os.write(ours, typed)
        done = subprocess.run(
            [HAKEEPER, "take", "--socket", str(path), *words],
            stdin=theirs, capture_output=True, text=True, check=False,
        )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    return done.returncode, done.stdout, done.stderr, [*daemon.asked]


def test_who_says_yes_has_it_claimed(path: Path) -> None:
    code, out, err, asked = at_a_terminal(path, b"y\n", "--instance", "VI_1", "--address", "web")
    assert (0, "Claim web of VI_1 for this server now, without waiting? [y/N] ") == (code, err)
    assert out == (
        "claiming 203.0.113.10; to see what comes of it: hakeeper status\n"
        "203.0.113.11 is on this server already\n"
    )
    [request] = asked
    assert isinstance(request, dict)
    assert {"command": "take", "instance": "VI_1", "address": "web"}.items() <= request.items()


@pytest.mark.parametrize("typed", [b"n\n", b"\n", b"yes please\n", b"\x04"])
def test_who_says_anything_else_has_nothing_done(path: Path, typed: bytes) -> None:
    code, out, err, asked = at_a_terminal(path, typed)
    assert (1, "", []) == (code, out, asked)
    assert err.startswith("Claim all addresses that are not here for this server now")
    assert err.endswith("nothing is done\n")


def test_a_script_must_say_yes(path: Path) -> None:
    done, asked = ask(path, CLAIMED, "take")
    assert (2, "", {}) == (done.returncode, done.stdout, asked)
    assert "say --yes" in done.stderr


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        (REFUSED, 1, "not claiming 203.0.113.10 of VI_1: because"),
        (BUSY, 4, "hakeeper runs, but is busy with other clients"),
        ({"error": "unknown command 'take'; known: status"}, 3, "is of an older version"),
        ({"error": "only root may take", "code": "not_permitted"}, 77, "sudo hakeeper take"),
        (None, 3, "gave no usable answer"),
    ],
)
def test_what_does_not_come_of_it_is_said(
    path: Path, said: Mapping[str, object] | None, code: int, text: str
) -> None:
    done, _ = ask(path, said, "take", "--yes")
    assert code == done.returncode
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
