"""The commands that the daemon carries out for a client of its control socket."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.adapters.control_codes import BAD_REQUEST, NOT_PERMITTED, UNKNOWN_COMMAND

NAME_SHOWN: Final = 40
"""The longest part of an unknown name that an answer repeats."""


class BadRequest(Exception):  # noqa: N818  # a mistake of the client's
    """A parameter is not what it should be; the message names it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, and whether only root and the service's own user may give it.

    `run` gets the request, which has no parameters but those that the command `takes`, and the id
    of the user. It checks their values, and raises BadRequest.
    """

    run: Callable[[Mapping[str, object], int], Mapping[str, object]]
    only_root: bool = False
    takes: tuple[str, ...] = ()


class Commands:
    """Finds and runs the command of a request; every request gets an answer."""

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._commands = commands

    def answer(self, request: Mapping[str, object], user_id: int) -> Mapping[str, object]:
        """Answer a request from the user with this id."""
        name = str(request.get("command"))
        command = self._commands.get(name)
        if command is None:
            known = ", ".join(self._commands)
            text = f"unknown command {name[:NAME_SHOWN]!r}; known: {known}"
            return _refused(UNKNOWN_COMMAND, text)
        if command.only_root and user_id not in (0, os.geteuid()):
            return _refused(NOT_PERMITTED, f"only root may {name}")
        unknown = next((key for key in request if key not in ("command", *command.takes)), None)
        if unknown is not None:
            return _refused(BAD_REQUEST, f"{name} takes no {unknown[:NAME_SHOWN]!r}")
        try:
            return command.run(request, user_id)
        except BadRequest as error:
            return _refused(BAD_REQUEST, f"{name}: {error}")


def _refused(code: str, text: str) -> Mapping[str, object]:
    return {"error": text, "code": code}
