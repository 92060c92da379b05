"""The commands that the daemon carries out for a client of its control socket."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

NAME_SHOWN: Final = 40
"""The longest part of an unknown command's name that an answer repeats."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, and whether only root and the service's own user may give it."""

    run: Callable[[], Mapping[str, object]]
    only_root: bool = False


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
            return {"error": f"unknown command {name[:NAME_SHOWN]!r}; known: {known}"}
        if command.only_root and user_id not in (0, os.geteuid()):
            return {"error": f"only root may {name}"}
        return command.run()
