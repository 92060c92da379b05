"""The owners and modes that decide who can change or replace a file: every directory on its path.

Symbolic links are followed one by one, as the kernel does, so that a link in the middle of a path
adds its own directory and all directories that it leads through.
"""

import contextlib
import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from hakeeper.adapters.users import name_of_group, name_of_user
from hakeeper.config import Config
from hakeeper.doctor.facts import Component, GuardedFile
from hakeeper.kinds.apis import CLOUD, ROBOT

_LINKS_LIMIT: Final = 40
"""Linux's own limit (path_resolution(7))."""
_PARTS_LIMIT: Final = 512
_FILES_LIMIT: Final = 200
_ENDPOINT: Final = "can redirect the {secret} to their own machine ({section}.endpoint)"
_AUTHORITY: Final = "can impersonate Hetzner's API, and receives the token"
_PROJECT: Final = "decides which token hakeeper uses"
_ROBOT: Final = "can impersonate Robot, and receives the login"
_ACCOUNT: Final = "decides which login hakeeper uses"
_SCRIPTS: Final = "can make keepalived run scripts as root"


def guarded_files(
    config: Config,
    config_path: Path,
    service_token: Path,
    service_login: Path,
    conf_files: Iterable[str],
) -> tuple[GuardedFile, ...]:
    """Examine every file that decides what hakeeper and keepalived do."""
    ours: list[tuple[Path | None, str]] = []
    if CLOUD.name in config.apis:
        endpoint = _ENDPOINT.format(secret=CLOUD.known_by, section="hetzner")
        token = config.hetzner.token_file or service_token
        ours += [(config_path, endpoint), (config.hetzner.ca_file, _AUTHORITY), (token, _PROJECT)]
    if ROBOT.name in config.apis:
        if not ours:
            endpoint = _ENDPOINT.format(secret=ROBOT.known_by, section="robot")
            ours.append((config_path, endpoint))
        login = config.robot.credentials_file or service_login
        ours += [(config.robot.ca_file, _ROBOT), (login, _ACCOUNT)]
    found = [
        _guarded(path, harm, may_be_ours=True)
        for path, harm in ours
        if path is not None and os.path.lexists(path)
    ]
    theirs = dict.fromkeys(conf_files)
    found += [_guarded(Path(path), _SCRIPTS) for path in list(theirs)[:_FILES_LIMIT]]
    return tuple(found)


def _guarded(path: Path, harm: str, *, may_be_ours: bool = False) -> GuardedFile:
    components = components_of(path)
    return GuardedFile(name=path.name, harm=harm, components=components, may_be_ours=may_be_ours)


def components_of(path: Path) -> tuple[Component, ...]:
    """Return the components of a path, from `/` to the file, as far as they exist."""
    return tuple(_walk(path.absolute()))


def _walk(path: Path) -> Iterator[Component]:
    yield from _look("/")
    folders, rest = ["/"], list(reversed(path.parts[1:]))
    links = parts = 0
    while rest and (parts := parts + 1) <= _PARTS_LIMIT:
        part = rest.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            folders = folders[:-1] or ["/"]
            continue
        here = os.path.join(folders[-1], part)  # noqa: PTH118  # not `/` twice at the root
        found = next(_look(here), None)
        if found is None:
            return
        yield found
        if not stat.S_ISLNK(found.kind):
            folders.append(here)
            continue
        links += 1
        target = _target(here)
        if target is None or links > _LINKS_LIMIT:
            return
        if target.startswith("/"):
            folders = ["/"]
        rest.extend(reversed(target.split("/")))


def _look(path: str) -> Iterator[Component]:
    with contextlib.suppress(OSError):  # missing, or in a directory that we may not read
        seen = os.lstat(path)
        yield Component(
            path=path,
            kind=stat.S_IFMT(seen.st_mode),
            mode=stat.S_IMODE(seen.st_mode),
            owner=name_of_user(seen.st_uid) or f"user {seen.st_uid}",
            owner_id=seen.st_uid,
            group=name_of_group(seen.st_gid) or f"group {seen.st_gid}",
            group_members=_members(seen.st_gid) if seen.st_mode & stat.S_IWGRP else (),
        )


def _target(path: str) -> str | None:
    try:
        return str(Path(path).readlink())
    except OSError:
        return None


@lru_cache
def _members(group_id: int) -> tuple[str, ...]:
    """Return the users of a group, including those whose primary group it is."""
    own = {each.pw_name for each in pwd.getpwall() if each.pw_gid == group_id}
    with contextlib.suppress(KeyError):
        own.update(grp.getgrgid(group_id).gr_mem)
    return tuple(sorted(own))
