"""What an operator does at a machine: type on a terminal, wait until all is well."""

import os

from hakeeper.demo.lab import LabError, wait_until
from tests.e2e.machine import PATIENCE_S, Machine

TERMINAL = ("script", "--quiet", "--return", "--command")
"""What gives a command a terminal: the command and a file for what was said follow."""


def on_terminal(machine: Machine, command: str, *answers: tuple[str, str]) -> str:
    """Run a command to its end, and return what it said.

    An answer is what is asked, and the line that is typed once it was asked: what is typed before a
    question for a secret is thrown away. Raises LabError.
    """
    said = b""
    with machine.start(*TERMINAL, command, "/dev/null") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for question, line in answers:
            seen = len(said)
            while question.encode() not in said[seen:]:
                more = os.read(process.stdout.fileno(), 4096)
                if not more:
                    raise LabError(f"{command} ended, and did not ask {question!r}: {_text(said)}")
                said += more
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
        rest, _ = process.communicate()
    if process.returncode != 0:
        raise LabError(f"{command}: exit code {process.returncode}: {_text(said + rest)}")
    return _text(said + rest)


def _text(said: bytes) -> str:
    return said.decode(errors="replace").replace("\r\n", "\n")


def wait_until_well(machine: Machine) -> None:
    """Wait until the status is OK."""
    wait_until(
        lambda: machine.status()["health"] == "ok",
        timeout_s=PATIENCE_S,
        what=lambda: f"{machine.name} to be well: {machine.status()}",
    )
