"""The scripts that keepalived tracks and runs as root: may only root change them?

With `enable_script_security` keepalived checks every directory on the path to a script. Its own
`--config-test` reports that only to root, so it is checked here. keepalived accepts a file whose
notify scripts are insecure, so they do not matter here.

From 2.3 on it takes a link for a directory that everybody may write to, since that is the mode of
links: a script in `/bin`, which leads to `/usr/bin`, is insecure then. (Measured: 2.2.7 accepts it,
2.3.3 and 2.3.4 do not, those between are not known. A link that is the script itself does no harm.)
"""

import stat
from collections.abc import Iterator
from typing import Final

from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.conf.scripts import Command
from hakeeper.doctor.facts import Component, Facts
from hakeeper.doctor.finding import Finding, When, error, not_checked, warning
from hakeeper.doctor.keepalived_facts import DEFAULT_USER, Version

_ROOT: Final = ("root", "0")
_NO_LINKED_DIRECTORY_SINCE: Final[Version] = (2, 3, 0)


def insecure_programs(facts: Facts, read: KeepalivedConf, refusal: str) -> Iterator[Finding]:
    """Find the programs that keepalived will not run as root; `refusal` says what follows."""
    for one in (script.command for script in read.scripts if script.command is not None):
        path = one.words[0]
        components = facts.programs.get(path, ())
        if _user(facts, read, one) not in _ROOT:
            continue
        part = next((each for each in components if _is_writable_by_others(each)), None)
        if part is not None:
            yield (error if facts.has_reload_check else warning)(
                f"users other than root may change {part.path}, the program of `{one.keyword}` or a"
                " directory above it",
                why="keepalived disables such a script; "
                + (refusal if facts.has_reload_check else "it runs without it"),
                cure=f"chown root {part.path} && chmod go-w {part.path}",
                place=one.place,
                when=When.NEXT_START,
            )
        elif not components or stat.S_ISDIR(components[-1].kind):
            yield not_checked(
                f"whether keepalived accepts `{path}`, which it reports only to root",
                cure="run the check as root: hakeeper check --online",
                place=one.place,
            )
        elif (link := _linked_directory(facts, path, components)) is not None:
            yield (error if facts.has_reload_check else warning)(
                f"the way to `{path}` leads through {link}, a link",
                why="keepalived 2.3 takes such a script for insecure and disables it; "
                + (refusal if facts.has_reload_check else "it runs without it"),
                cure=f"{components[-1].path}    # write this in place of {path}",
                place=one.place,
                when=When.NEXT_START,
            )


def _linked_directory(facts: Facts, path: str, components: tuple[Component, ...]) -> str | None:
    version = facts.keepalived.version
    if version is None or version < _NO_LINKED_DIRECTORY_SINCE:
        return None
    links = (each.path for each in components if stat.S_ISLNK(each.kind))
    return next((link for link in links if path.startswith(f"{link}/")), None)


def _user(facts: Facts, read: KeepalivedConf, one: Command) -> str:
    if one.user is not None:
        return one.user
    if read.script_user is not None and read.script_user.arguments:
        return read.script_user.arguments[0]
    return DEFAULT_USER if DEFAULT_USER in facts.machine.known_users else "root"


def _is_writable_by_others(part: Component) -> bool:
    if part.owner_id != 0:
        return True
    if stat.S_ISLNK(part.kind) or (stat.S_ISDIR(part.kind) and part.mode & stat.S_ISVTX):
        return False
    by_group = part.mode & stat.S_IWGRP and part.group != "root"
    return bool(by_group or part.mode & stat.S_IWOTH)
