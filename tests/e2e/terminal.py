"""Somebody at a terminal of a machine, who answers what a command asks."""

import os

from hakeeper.demo.lab import LabError
from tests.e2e.machine import Machine

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
