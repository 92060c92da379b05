"""Asks the running daemon to do something or to tell something, for commands of their own."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from hakeeper import exits
from hakeeper.adapters.control_client import (
    Busy,
    ControlError,
    Denied,
    NotAsked,
    NotRunning,
    Refused,
    Unreachable,
    ask,
)
from hakeeper.adapters.control_codes import NOT_PERMITTED, UNKNOWN_COMMAND
from hakeeper.adapters.paused_by import user
from hakeeper.adapters.timed_request import USER_LIMIT
from hakeeper.adapters.times import age
from hakeeper.adapters.users import name_of_user
from hakeeper.cli.say import complain, complain_in_lines, say
from hakeeper.printable import printable

NOT_SAVED: Final = 1
NOT_RUNNING: Final = 3
BUSY: Final = 4
TIMEOUT_S: Final = 10.0
"""Longer than a busy machine takes to write a small file to a slow disk."""


class NotDone(Exception):  # noqa: N818  # an answer, not a mistake
    """The daemon did not do it, or not yet: why, and the exit code."""

    def __init__(self, text: str, exit_code: int, **more: object) -> None:
        """`more` is for programs: what stands beside the text in JSON."""
        super().__init__(text)
        self.exit_code = exit_code
        self.more = more


def do(socket: str, request: Mapping[str, object]) -> dict[str, Any]:
    """Have the daemon carry out a command that keeps who gave it; raises NotDone."""
    return order(socket, {**request, "user": user_name()})


def order(
    socket: str, request: Mapping[str, object], timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """Have the daemon carry out a command; raises NotDone."""
    try:
        return ask(socket, request, timeout_s)
    except Busy as error:
        raise NotDone(str(error), BUSY) from None
    except NotRunning as error:
        raise NotDone(str(error), NOT_RUNNING) from None
    except Denied:
        raise NotDone(_only_root(request["command"]), exits.NO_PERMISSION) from None
    except Refused as error:
        raise _refused(error, request["command"]) from None
    except Unreachable as error:
        raise NotDone(str(error), exits.NO_PERMISSION) from None
    except NotAsked as error:
        raise NotDone(str(error), NOT_RUNNING) from None
    except ControlError as error:
        text = f"{error}; it may do so later: see `hakeeper status`"
        raise NotDone(text, NOT_RUNNING) from None


def look(socket: str, request: Mapping[str, object]) -> dict[str, Any]:
    """Have the daemon tell something, which changes nothing; raises NotDone."""
    try:
        return ask(socket, request, TIMEOUT_S)
    except Busy as error:
        raise NotDone(str(error), BUSY) from None
    except Unreachable as error:
        raise NotDone(str(error), exits.NO_PERMISSION) from None
    except Refused as error:
        raise _refused(error, request["command"]) from None
    except (ControlError, NotRunning) as error:
        raise NotDone(str(error), NOT_RUNNING) from None


def _refused(error: Refused, name: object) -> NotDone:
    if error.code == NOT_PERMITTED:
        return NotDone(_only_root(name), exits.NO_PERMISSION)
    if error.code == UNKNOWN_COMMAND:
        text = (
            f"the running daemon is of an older version, and does not know `{name}`; to renew it:"
            " systemctl restart hakeeper, which moves no address"
        )
        return NotDone(text, NOT_RUNNING)
    return NotDone(str(error), exits.USAGE)


def _only_root(name: object) -> str:
    return f"only root may do this: sudo hakeeper {name}"


def user_name() -> str:
    """Return who asks: with sudo who called it, else the user's name; empty if there is none."""
    name = os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else ""
    return printable(name or name_of_user(os.geteuid()))[:USER_LIMIT]


def finish(done: Mapping[str, object], text: str, trouble: str, *, as_json: bool) -> int:
    """Print what was done; what stands in its way after a restart goes to stderr."""
    if as_json:
        sys.stdout.write(json.dumps({"ok": True, **done}) + "\n")
    else:
        say(text)
        if trouble:
            complain(trouble)
    return NOT_SAVED if trouble else exits.OK


def end(args: argparse.Namespace, command: str, what: str, *, after: str = "", nothing: str) -> int:
    """End a pause or a step-down before its time, and print which; `nothing`: there was none."""
    try:
        answer = do(str(args.socket), {"command": command})
    except NotDone as error:
        return give_up(error, as_json=args.json)
    ended, text = answer["ended"], nothing
    if ended is not None:
        by = user(ended["by"], ended["user_id"])
        text = f"the {what} by {by} is ended, {age(ended['left_s'])} before its time{after}"
    return finish(answer, text, answer["trouble"], as_json=args.json)


def give_up(error: NotDone, *, as_json: bool) -> int:
    """Print why nothing was done."""
    if as_json:
        sys.stdout.write(json.dumps({"ok": False, "error": str(error), **error.more}) + "\n")
    else:
        complain_in_lines(str(error))
    return error.exit_code
