"""The scripts that keepalived tracks and runs as root: may only root change them?

With `enable_script_security` keepalived looks at each part of the way to them. Of that its own test
tells nothing to who is not root, so it is looked at here. Notify scripts are no reason to refuse a
file.
"""

import stat
from collections.abc import Iterator
from typing import Final

from hakeeper.doctor.conf.meaning import KeepalivedConf
from hakeeper.doctor.conf.scripts import Command
from hakeeper.doctor.facts import DEFAULT_USER, Component, Facts
from hakeeper.doctor.finding import Finding, When, error, not_looked_at, warning

_ROOT: Final = ("root", "0")


def insecure_programs(facts: Facts, read: KeepalivedConf, refusal: str) -> Iterator[Finding]:
    """Tell which programs keepalived will not run as root."""
    for one in (script.command for script in read.scripts if script.command is not None):
        path = one.words[0]
        way = facts.programs.get(path, ())
        if _user(facts, read, one) not in _ROOT:
            continue
        part = next((each for each in way if _is_open(each)), None)
        if part is not None:
            yield (error if facts.has_reload_check else warning)(
                f"others than root may change {part.path}, which leads to `{one.keyword}`",
                why="keepalived disables such a script; "
                + (refusal if facts.has_reload_check else "it goes on without it"),
                cure=f"chown root {part.path} && chmod go-w {part.path}",
                place=one.place,
                when=When.NEXT_START,
            )
        elif not way or stat.S_ISDIR(way[-1].kind):
            yield not_looked_at(
                f"whether keepalived accepts `{path}`, which it tells to root alone",
                cure="run the check as root: hakeeper check --online",
                place=one.place,
            )


def _user(facts: Facts, read: KeepalivedConf, one: Command) -> str:
    if one.user is not None:
        return one.user
    if read.script_user is not None and read.script_user.arguments:
        return read.script_user.arguments[0]
    return DEFAULT_USER if DEFAULT_USER in facts.machine.known_users else "root"


def _is_open(part: Component) -> bool:
    if part.owner_id != 0:
        return True
    if stat.S_ISLNK(part.kind) or (stat.S_ISDIR(part.kind) and part.mode & stat.S_ISVTX):
        return False
    by_group = part.mode & stat.S_IWGRP and part.group != "root"
    return bool(by_group or part.mode & stat.S_IWOTH)
