"""Notify scripts: search each for calls of Hetzner's API."""

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from hakeeper.adapters.bounded_read import NotAFileError, read_bounded
from hakeeper.doctor.conf.configuration import NotifyScript
from hakeeper.doctor.facts import ScriptFacts

_LIMIT_BYTES: Final = 256 * 1024
_SCRIPTS_LIMIT: Final = 100
_WRITERS: Final = stat.S_IWGRP | stat.S_IWOTH
_SIGN: Final = re.compile(
    r"api\.hetzner\.cloud|(?<![\w./-])(?:[\w./-]*/)?hcloud(?:-ip)?(?=\s)|floating[-_]ips?\b"
    r"|actions/assign|change_alias_ips\b"
)


def script_facts(scripts: Iterable[NotifyScript]) -> dict[str, ScriptFacts]:
    """Search each command, and each file that it names; the result is by command."""
    commands = dict.fromkeys(script.command for script in scripts)
    return {command: _of_command(command) for command in list(commands)[:_SCRIPTS_LIMIT]}


def _of_command(command: str) -> ScriptFacts:
    if sign := _sign(command):
        return ScriptFacts(sign=sign)
    unread = ""
    for path in (word.strip("'\"") for word in command.split()):
        if not path.startswith("/"):
            continue
        found = _look(Path(path))
        if found.sign:
            return found
        unread = unread or found.unread
    return ScriptFacts(unread=unread)


def _look(path: Path) -> ScriptFacts:
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & _WRITERS:
            return ScriptFacts(unread=f"others may write to it (mode {stat.S_IMODE(mode):04o})")
        text = read_bounded(path, _LIMIT_BYTES).data.decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError, NotAFileError):
        return ScriptFacts()  # keepalived itself reports that there is no script
    except OSError as error:
        return ScriptFacts(unread=error.strerror or os.strerror(error.errno or 0))
    return ScriptFacts(sign=_sign(text))


def _sign(text: str) -> str:
    """Return the text that calls the API, else ""; comment lines do not count."""
    for line in text.splitlines():
        if not line.lstrip().startswith("#") and (found := _SIGN.search(f"{line}\n")):
            return found[0]
    return ""
