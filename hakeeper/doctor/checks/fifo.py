"""The FIFO: the line in keepalived.conf, and the file at its path."""

import shlex
from collections.abc import Iterator
from typing import Final

from hakeeper.adapters import cures
from hakeeper.doctor.checks.ignored_lines import ignored_include, missing_because
from hakeeper.doctor.conf.configuration import FifoLine, KeepalivedConf
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import (
    CheckResult,
    Finding,
    Passed,
    Place,
    When,
    error,
    not_checked,
    warning,
)
from hakeeper.doctor.keepalived_facts import DEFAULT_USER, Held, KeepalivedsReading, Version

REFUSES_FOREIGN_SINCE: Final[Version] = (2, 4, 0)
"""From this version on keepalived uses a FIFO only if root or the user on its line owns it."""
_KEYWORD: Final = "vrrp_notify_fifo"
_READ_AND_WRITE: Final = 0o600
_OTHERS_WRITE: Final = 0o022


def _correct_line(facts: Facts) -> str:
    return cures.fifo_line(str(facts.fifo_path), facts.machine.user)


def _when(facts: Facts) -> When:
    """Say when a wrong line matters: a keepalived that has our FIFO open has read another line."""
    return When.NEXT_START if facts.is_fifo_connected else When.ALWAYS


# --- the line ----------------------------------------------------------------------------------


def fifo_line(facts: Facts) -> Iterator[CheckResult]:
    """Check that keepalived is configured to write to hakeeper's FIFO, and that no script reads it.

    keepalived's own parser decides, where it could be asked.
    """
    read, reading = facts.conf, facts.keepalived.reading
    if read is None:
        return
    lines = [line for line in read.fifos if facts.is_our_fifo(line.path)]
    path = None if reading is None else reading.fifo
    is_ours = path is not None and facts.is_our_fifo(path)
    is_not_ours = reading is not None and not is_ours and (path is not None or facts.reads_as_root)
    line = next((one for one in lines if one.keyword == _KEYWORD), next(iter(lines), None))
    if line is None:
        is_unknown = not is_not_ours and (bool(facts.is_fifo_connected) or bool(read.unread))
        if is_ours or is_unknown:
            yield not_checked(
                f"the FIFO line: keepalived has one for {facts.fifo_path}, but this check does"
                " not find it"
                if is_ours or facts.is_fifo_connected
                else "the FIFO line: it may be in a part that this check cannot read",
                cure=f"write it as a plain line: {_correct_line(facts)}",
                place=None if reading is None else reading.fifo_place,
            )
            return
        yield _no_line(facts, read)
    elif reading is not None and is_not_ours and line.keyword == _KEYWORD:
        yield _not_the_effective_line(facts, reading, line)
    else:
        troubles: list[CheckResult] = [
            *_user_of(facts, read, line),
            *_keyword(facts, line),
            *_script(facts, read, line),
        ]
        yield from troubles or [Passed(f"{line.place} names {line.path} and {line.user}")]


def _no_line(facts: Facts, read: KeepalivedConf) -> Finding:
    others = [line for line in read.fifos if line.keyword == _KEYWORD] or read.fifos
    cure = cures.keepalived_conf(_correct_line(facts))
    if not others and (cause := ignored_include(read)) is not None:
        return missing_because("keepalived has no `vrrp_notify_fifo` line", cause, _when(facts))
    if not others:
        return error(
            "there is no `vrrp_notify_fifo` line",
            why="keepalived reports no role changes, so hakeeper never hears of a failover",
            cure=cure,
            place=read.global_defs,
            when=_when(facts),
        )
    given = facts.config.key("keepalived.fifo") or "by default"
    return error(
        f"keepalived writes to {others[0].path}, but hakeeper reads {facts.fifo_path} ({given})",
        why="hakeeper never hears of a failover",
        cure=cure,
        place=others[0].place,
        when=_when(facts),
    )


def _not_the_effective_line(facts: Facts, reading: KeepalivedsReading, line: FifoLine) -> Finding:
    """Make the finding for a line that keepalived does not use.

    It uses the first of several lines, and none that a condition excludes.
    """
    if reading.fifo is None:
        what = "keepalived itself finds no `vrrp_notify_fifo` line in the file"
    else:
        what = f"keepalived itself reads another FIFO line first, for {reading.fifo}"
    return error(
        what,
        why="hakeeper never hears of a failover",
        cure=f"remove the other one, and keep: {_correct_line(facts)}"
        if reading.fifo is not None
        else cures.keepalived_conf(_correct_line(facts)),
        place=reading.fifo_place or line.place,
        when=_when(facts),
    )


def _script(facts: Facts, read: KeepalivedConf, line: FifoLine) -> Iterator[Finding]:
    """Find a script that reads the same FIFO: each line is read once, by whichever is first."""
    keyword = f"{line.keyword}_script"
    place = read.global_keywords.get(keyword)
    if place is None:
        return
    readers = [one for one in facts.keepalived.other_readers or () if one.is_script]
    shown = f" (process {readers[0].pid})" if readers else ""
    has_no_reader_now = facts.machine.is_root and facts.keepalived.held is Held.OURS and not readers
    yield error(
        f"`{keyword}` starts a script{shown} that reads hakeeper's FIFO",
        why="each line is read only once: the lines that the script reads never reach hakeeper",
        cure=f"remove the line `{keyword}`; then: {cures.RELOAD}",
        place=place,
        when=When.NEXT_START if has_no_reader_now else When.ALWAYS,
    )


def _user_of(facts: Facts, read: KeepalivedConf, line: FifoLine) -> Iterator[Finding]:
    cure = _correct_line(facts)
    if line.user is None:
        yield from _without_user(facts, read, line, cure)
        return
    if line.user not in facts.machine.known_users:
        yield error(
            f"the user {line.user} on the FIFO line does not exist",
            why="keepalived then uses no FIFO, logs that once, and runs on",
            cure=f"{cure}    # or create the user: systemd-sysusers",
            place=line.place,
            when=_when(facts),
        )
    elif line.group is not None and line.group not in facts.machine.known_groups:
        yield error(
            f"the group {line.group} on the FIFO line does not exist",
            why="keepalived then uses no FIFO, and runs on",
            cure=cure,
            place=line.place,
            when=_when(facts),
        )
    elif facts.fifo.kind == "FIFO" and line.user != facts.fifo.owner and facts.fifo.owner_id != 0:
        yield _another_user(facts, line, cure)


def _without_user(
    facts: Facts, read: KeepalivedConf, line: FifoLine, cure: str
) -> Iterator[Finding]:
    is_secure = _is_before(read.global_keywords.get("enable_script_security"), line.place)
    has_default = line.script_user is not None or DEFAULT_USER in facts.machine.known_users
    if is_secure and not has_default:
        yield error(
            "the FIFO line names no user, and enable_script_security is on",
            why="keepalived ignores such a line (`Failed to set default user for fifo`) unless a"
            " script_user line comes before it",
            cure=cure,
            place=line.place,
            when=_when(facts),
        )
    elif facts.keepalived.version is not None and (
        facts.keepalived.version >= REFUSES_FOREIGN_SINCE and facts.fifo.owner_id > 0
    ):
        yield error(
            f"the FIFO line names no user, and the FIFO belongs to {facts.fifo.owner}",
            why="from 2.4.0 on, keepalived does not use a FIFO that belongs to another user",
            cure=cure,
            place=line.place,
            when=_when(facts),
        )
    else:
        yield warning(
            "the FIFO line names no user",
            why="with script security, or with keepalived 2.4.0 or newer, it would not be used",
            cure=cure,
            place=line.place,
        )


def _is_before(place: Place | None, other: Place) -> bool:
    """Say whether keepalived reads the first place before the other."""
    if place is None:
        return False
    return place.file != other.file or (place.line or 0) < (other.line or 0)


def _another_user(facts: Facts, line: FifoLine, cure: str) -> Finding:
    version = facts.keepalived.version
    make = error if version is None or version >= REFUSES_FOREIGN_SINCE else warning
    return make(
        f"the FIFO line names {line.user}, but the FIFO belongs to {facts.fifo.owner}",
        why="from 2.4.0 on, keepalived does not use a FIFO that belongs to another user",
        cure=cure,
        place=line.place,
        when=_when(facts),
    )


def _keyword(facts: Facts, line: FifoLine) -> Iterator[Finding]:
    if line.keyword != _KEYWORD:
        yield warning(
            f"it is a `{line.keyword}` line",
            why="two keepalived processes write to it then, and the FIFO stays behind at its stop",
            cure=_correct_line(facts),
            place=line.place,
        )


# --- the file ------------------------------------------------------------------------------------


def fifo(facts: Facts) -> Iterator[CheckResult]:
    """Check that the FIFO exists and that the service may open it."""
    seen, path = facts.fifo, facts.fifo_path
    place = Place(str(path))
    if seen.problem:
        yield error(
            f"it cannot be examined: {seen.problem}",
            why="hakeeper cannot open it either",
            cure=f"namei -l {shlex.quote(str(path))}",
            place=place,
        )
    elif not seen.kind:
        yield error(
            "there is no FIFO",
            why="hakeeper hears nothing from keepalived, and keepalived replaces a FIFO of its own"
            " at each reload",
            cure=cures.fifo_cure("fifo.missing", str(path), facts.machine.user),
            place=place,
        )
    elif seen.kind != "FIFO":
        yield error(
            f"it is {seen.kind}, not a FIFO",
            why="keepalived writes to a file, or nowhere, and hakeeper reads neither",
            cure=cures.fifo_cure("fifo.not_a_fifo", str(path), facts.machine.user),
            place=place,
        )
    else:
        yield from _rights(facts, place)


def _rights(facts: Facts, place: Place) -> Iterator[CheckResult]:
    seen, machine = facts.fifo, facts.machine
    cure = cures.fifo_cure("fifo.denied", str(facts.fifo_path), machine.user)
    if not _may_open(facts):
        yield error(
            f"{machine.user} may not open it: it belongs to {seen.owner}, mode {seen.mode:04o}",
            why="hakeeper hears nothing from keepalived",
            cure=cure,
            place=place,
        )
    elif seen.mode & _OTHERS_WRITE:
        yield warning(
            f"others may write to it (mode {seen.mode:04o})",
            why="whoever writes MASTER to it makes hakeeper claim the addresses",
            cure=cure,
            place=place,
        )
    else:
        yield Passed(f"{place} belongs to {seen.owner}, mode {seen.mode:04o}")


def _may_open(facts: Facts) -> bool:
    """Say whether the mode lets the service's user read and write it; ACLs are not considered."""
    seen, machine = facts.fifo, facts.machine
    if machine.user_id == 0:
        return True
    if seen.owner_id == machine.user_id:
        return seen.mode & _READ_AND_WRITE == _READ_AND_WRITE
    shift = 3 if seen.group_id in machine.group_ids else 6
    return (seen.mode << shift) & _READ_AND_WRITE == _READ_AND_WRITE
