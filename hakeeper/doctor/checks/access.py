"""Who may change what hakeeper and keepalived act by: files, and all folders on the way to them."""

import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hakeeper.doctor.facts import Component, Facts, GuardedFile
from hakeeper.doctor.finding import Finding, Passed, Place, Said, error, warning

_ROOT: Final = 0
_OVERFLOW: Final = 65534
"""In the sandbox of the service, the owner of all that is neither root's nor the service's."""
_SHOWN: Final = 5
FIFO_HARM: Final = (
    "keepalived, as root, makes the FIFO there and gives it to the user on its line: who may put a"
    " link in its place is given any file, and who may remove it ends the news of a failover"
)


@dataclass(frozen=True, slots=True)
class _Hole:
    """Somebody who may write a component: `who` as a subject."""

    who: str
    is_everybody: bool
    cure: str


def access(facts: Facts) -> Iterator[Said]:
    """May anybody but root change the files that decide what happens here?"""
    holes: dict[str, tuple[_Hole, list[GuardedFile]]] = {}
    for file in facts.guarded:
        trusted = {_ROOT, facts.machine.user_id} if file.may_be_ours else {_ROOT}
        names = {facts.machine.user} if file.may_be_ours else set()
        for component, hole in _holes(file.components, trusted, names):
            holes.setdefault(component.path, (hole, []))[1].append(file)
    for path, (hole, files) in holes.items():
        yield _found(path, hole, files)
    there = [file.name for file in facts.guarded if _is_there(file)]
    if there and not holes:
        yield Passed(f"nobody else may change {_listed(there)}")


def _is_there(file: GuardedFile) -> bool:
    """Of a file that is missing the last component is a folder."""
    return bool(file.components) and not stat.S_ISDIR(file.components[-1].kind)


def _found(path: str, hole: _Hole, files: list[GuardedFile]) -> Finding:
    through = [file.name for file in files if file.components[-1].path != path]
    changes = f", and so change {_listed(dict.fromkeys(through))}" if through else ""
    make = error if hole.is_everybody else warning
    return make(
        f"{hole.who} may write it{changes}",
        why=f"who may do that {'; '.join(dict.fromkeys(file.harm for file in files))}",
        cure=hole.cure,
        place=Place(path),
    )


def fifo_folder(facts: Facts) -> Iterator[Said]:
    """Is the FIFO's folder root's, and are all folders above it?"""
    if not facts.fifo_folder:
        return
    folder = facts.fifo_folder[-1]
    found = list(_holes(facts.fifo_folder, {_ROOT}, set(), is_sticky_good=False))
    for component, hole in found:
        is_packaged = component.path == "/run/hakeeper"
        yield warning(
            f"{hole.who} may write it",
            why=FIFO_HARM,
            cure="systemd-tmpfiles --create hakeeper.conf" if is_packaged else hole.cure,
            place=Place(component.path),
        )
    if not found and facts.fifo.kind:  # else it may not be there at all, which `fifo` tells
        yield Passed(f"{folder.path} is root's, mode {folder.mode:04o}")


def _holes(
    components: Iterable[Component],
    trusted: set[int],
    names: set[str],
    *,
    is_sticky_good: bool = True,
) -> Iterator[tuple[Component, _Hole]]:
    """Find who else may write; `is_sticky_good`: the last one is no folder where all may add."""
    way = list(components)
    for above, component in pairwise([None, *way]):
        assert component is not None  # noqa: S101  # only the first of `above` is
        if stat.S_ISLNK(component.kind) and not _is_sticky(above):
            continue  # a link is changed by replacing it, which its folder decides
        is_last = component is way[-1]
        is_sticky = _is_sticky(component) and (is_sticky_good or not is_last)
        hole = _hole(component, trusted, names, is_sticky=is_sticky)
        if hole is not None:
            yield component, hole


def _is_sticky(component: Component | None) -> bool:
    """Say whether only the owner of what is in that folder may replace it."""
    return (
        component is not None
        and stat.S_ISDIR(component.kind)
        and bool(component.mode & stat.S_ISVTX)
    )


def _hole(
    component: Component, trusted: set[int], names: set[str], *, is_sticky: bool
) -> _Hole | None:
    quoted = shlex.quote(component.path)
    is_link = stat.S_ISLNK(component.kind)
    if component.mode & stat.S_IWOTH and not is_sticky and not is_link:
        return _Hole("everybody", is_everybody=True, cure=f"chmod o-w {quoted}")
    if component.owner_id not in trusted:
        who = "another user" if component.owner_id == _OVERFLOW else component.owner
        bare = "-h " if is_link else ""
        return _Hole(who, is_everybody=False, cure=f"chown {bare}root {quoted}")
    others = [name for name in component.group_members if name not in {"root", *names}]
    if component.mode & stat.S_IWGRP and others and not is_sticky and not is_link:
        who = f"the group {component.group} ({_listed(others)})"
        return _Hole(who, is_everybody=False, cure=f"chmod g-w {quoted}")
    return None


def _listed(names: Iterable[str]) -> str:
    each = list(names)
    more = f" and {len(each) - _SHOWN} more" if len(each) > _SHOWN else ""
    return ", ".join(each[:_SHOWN]) + more
