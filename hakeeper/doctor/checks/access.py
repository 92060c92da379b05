"""Who may change the files that hakeeper and keepalived act on, or a directory above them."""

import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hakeeper.doctor.facts import Component, Facts, GuardedFile
from hakeeper.doctor.finding import CheckResult, Finding, Passed, Place, error, warning

_ROOT: Final = 0
_OVERFLOW: Final = 65534
"""In the service's sandbox, files of any user other than root and the service have this owner."""
_SHOWN: Final = 5
FIFO_HARM: Final = (
    "keepalived, as root, creates the FIFO there and gives it to the user on the FIFO line: whoever"
    " can put a link in its place can take over any file, and whoever can remove it stops failovers"
)


@dataclass(frozen=True, slots=True)
class _Hole:
    """A user or group that may write to a component. `who` can start a sentence."""

    who: str
    is_everybody: bool
    cure: str


def access(facts: Facts) -> Iterator[CheckResult]:
    """Check that only root can change the files that hakeeper and keepalived act on."""
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
        yield Passed(f"no other user may change {_listed(there)}")


def _is_there(file: GuardedFile) -> bool:
    """Say whether the file exists; if it is missing, the last component is a directory."""
    return bool(file.components) and not stat.S_ISDIR(file.components[-1].kind)


def _found(path: str, hole: _Hole, files: list[GuardedFile]) -> Finding:
    through = [file.name for file in files if file.components[-1].path != path]
    changes = f", and so change {_listed(dict.fromkeys(through))}" if through else ""
    make = error if hole.is_everybody else warning
    return make(
        f"{hole.who} may write to it{changes}",
        why=f"whoever does {'; '.join(dict.fromkeys(file.harm for file in files))}",
        cure=hole.cure,
        place=Place(path),
    )


def fifo_folder(facts: Facts) -> Iterator[CheckResult]:
    """Check that the FIFO's directory and all directories above it belong to root."""
    if not facts.fifo_folder:
        return
    folder = facts.fifo_folder[-1]
    found = list(_holes(facts.fifo_folder, {_ROOT}, set(), is_sticky_good=False))
    for component, hole in found:
        is_packaged = component.path == "/run/hakeeper"
        yield warning(
            f"{hole.who} may write to it",
            why=FIFO_HARM,
            cure="systemd-tmpfiles --create hakeeper.conf" if is_packaged else hole.cure,
            place=Place(component.path),
        )
    if not found and facts.fifo.kind:  # without a FIFO, `fifo` reports that
        yield Passed(f"{folder.path} belongs to root, mode {folder.mode:04o}")


def _holes(
    components: Iterable[Component],
    trusted: set[int],
    names: set[str],
    *,
    is_sticky_good: bool = True,
) -> Iterator[tuple[Component, _Hole]]:
    """Find who else may write; `is_sticky_good`: a sticky bit protects the last component, too."""
    path = list(components)
    for above, component in pairwise([None, *path]):
        assert component is not None  # noqa: S101  # only the first of `above` is
        if stat.S_ISLNK(component.kind) and not _is_sticky(above):
            continue  # a link is changed by replacing it, which its directory's mode decides
        is_last = component is path[-1]
        is_sticky = _is_sticky(component) and (is_sticky_good or not is_last)
        hole = _hole(component, trusted, names, is_sticky=is_sticky)
        if hole is not None:
            yield component, hole


def _is_sticky(component: Component | None) -> bool:
    """Say whether only the owner of a file in that directory may replace it."""
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
