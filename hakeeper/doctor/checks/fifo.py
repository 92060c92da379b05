"""The FIFO: the line in keepalived.conf, and what is at its path."""

import shlex
from collections.abc import Iterator
from typing import Final

from hakeeper.adapters import cures
from hakeeper.doctor.checks.leftout import left_out_include, missing_for
from hakeeper.doctor.conf.meaning import FifoLine, KeepalivedConf
from hakeeper.doctor.facts import DEFAULT_USER, Facts, Held, KeepalivedsReading, Version
from hakeeper.doctor.finding import (
    Finding,
    Passed,
    Place,
    Said,
    When,
    error,
    not_looked_at,
    warning,
)

REFUSES_FOREIGN_SINCE: Final[Version] = (2, 4, 0)
"""From here on keepalived uses a FIFO only if root or the user on its line owns it."""
_KEYWORD: Final = "vrrp_notify_fifo"
_RIGHTS: Final = 0o600
_OTHERS_WRITE: Final = 0o022


def _right_line(facts: Facts) -> str:
    return cures.fifo_line(str(facts.fifo_path), facts.machine.user)


def _counts(facts: Facts) -> When:
    """Say what a wrong line spoils: a keepalived that holds our FIFO has read another one."""
    return When.NEXT_START if facts.is_listened_to else When.ALWAYS


# --- the line ----------------------------------------------------------------------------------


def fifo_line(facts: Facts) -> Iterator[Said]:
    """Does keepalived write to the FIFO that hakeeper reads, and nobody else read it?"""
    read, reading = facts.conf, facts.keepalived.reading
    if read is None:
        return
    lines = [line for line in read.fifos if facts.is_our_fifo(line.path)]
    says_path = None if reading is None else reading.fifo
    says_ours = says_path is not None and facts.is_our_fifo(says_path)
    says_no = (
        reading is not None and not says_ours and (says_path is not None or facts.reads_as_root)
    )
    line = next((one for one in lines if one.keyword == _KEYWORD), next(iter(lines), None))
    if line is None:
        is_unknown = not says_no and (bool(facts.is_listened_to) or bool(read.unread))
        if says_ours or is_unknown:
            yield not_looked_at(
                f"the FIFO line: keepalived has one for {facts.fifo_path}, and this check does"
                " not find it"
                if says_ours or facts.is_listened_to
                else "the FIFO line: it may stand in what this check cannot read",
                cure=f"write it plainly: {_right_line(facts)}",
                place=None if reading is None else reading.fifo_place,
            )
            return
        yield _not_the_one(facts, read)
    elif reading is not None and says_no and line.keyword == _KEYWORD:
        yield _not_for_keepalived(facts, reading, line)
    else:
        troubles: list[Said] = [
            *_user_of(facts, read, line),
            *_keyword(facts, line),
            *_script(facts, read, line),
        ]
        yield from troubles or [Passed(f"{line.place} names {line.path} and {line.user}")]


def _not_the_one(facts: Facts, read: KeepalivedConf) -> Finding:
    others = [line for line in read.fifos if line.keyword == _KEYWORD] or read.fifos
    cure = cures.keepalived_conf(_right_line(facts))
    if not others and (cause := left_out_include(read)) is not None:
        return missing_for("keepalived has no `vrrp_notify_fifo` line", cause, _counts(facts))
    if not others:
        return error(
            "there is no `vrrp_notify_fifo` line",
            why="keepalived tells nobody who is master, so hakeeper never hears of a failover",
            cure=cure,
            place=read.global_defs,
            when=_counts(facts),
        )
    given = facts.config.key("keepalived.fifo") or "by default"
    return error(
        f"keepalived writes to {others[0].path}, but hakeeper reads {facts.fifo_path} ({given})",
        why="hakeeper never hears of a failover",
        cure=cure,
        place=others[0].place,
        when=_counts(facts),
    )


def _not_for_keepalived(facts: Facts, reading: KeepalivedsReading, line: FifoLine) -> Finding:
    """Tell that keepalived takes the first line of several, and none that a condition hides."""
    if reading.fifo is None:
        what = "keepalived itself finds no `vrrp_notify_fifo` line in the file"
    else:
        what = f"keepalived itself reads another FIFO line first, for {reading.fifo}"
    return error(
        what,
        why="hakeeper never hears of a failover",
        cure=f"leave the other one out, and keep: {_right_line(facts)}"
        if reading.fifo is not None
        else cures.keepalived_conf(_right_line(facts)),
        place=reading.fifo_place or line.place,
        when=_counts(facts),
    )


def _script(facts: Facts, read: KeepalivedConf, line: FifoLine) -> Iterator[Finding]:
    """A script on the same FIFO takes lines away: each is read once, by whoever comes first."""
    keyword = f"{line.keyword}_script"
    place = read.global_keywords.get(keyword)
    if place is None:
        return
    readers = [one for one in facts.keepalived.other_readers or () if one.is_script]
    shown = f" (process {readers[0].pid})" if readers else ""
    is_seen_alone = facts.machine.is_root and facts.keepalived.held is Held.OURS and not readers
    yield error(
        f"`{keyword}` has a script{shown} read the FIFO that hakeeper reads",
        why="a line is read once: the script takes lines that hakeeper then never hears",
        cure=f"leave the line `{keyword}` out; then: {cures.RELOAD}",
        place=place,
        when=When.NEXT_START if is_seen_alone else When.ALWAYS,
    )


def _user_of(facts: Facts, read: KeepalivedConf, line: FifoLine) -> Iterator[Finding]:
    cure = _right_line(facts)
    if line.user is None:
        yield from _without_user(facts, read, line, cure)
        return
    if line.user not in facts.machine.known_users:
        yield error(
            f"the user {line.user} on the FIFO line does not exist",
            why="keepalived then has no FIFO, says so once in its log, and goes on",
            cure=f"{cure}    # or make it: systemd-sysusers",
            place=line.place,
            when=_counts(facts),
        )
    elif line.group is not None and line.group not in facts.machine.known_groups:
        yield error(
            f"the group {line.group} on the FIFO line does not exist",
            why="keepalived then has no FIFO, and goes on",
            cure=cure,
            place=line.place,
            when=_counts(facts),
        )
    elif facts.fifo.kind == "FIFO" and line.user != facts.fifo.owner and facts.fifo.owner_id != 0:
        yield _another_user(facts, line, cure)


def _without_user(
    facts: Facts, read: KeepalivedConf, line: FifoLine, cure: str
) -> Iterator[Finding]:
    is_secure = _stands_before(read.global_keywords.get("enable_script_security"), line.place)
    has_default = line.script_user is not None or DEFAULT_USER in facts.machine.known_users
    if is_secure and not has_default:
        yield error(
            "the FIFO line names no user, with enable_script_security",
            why="keepalived drops such a line (`Failed to set default user for fifo`); a"
            " script_user line would have to come before it",
            cure=cure,
            place=line.place,
            when=_counts(facts),
        )
    elif facts.keepalived.version is not None and (
        facts.keepalived.version >= REFUSES_FOREIGN_SINCE and facts.fifo.owner_id > 0
    ):
        yield error(
            f"the FIFO line names no user, and the FIFO belongs to {facts.fifo.owner}",
            why="keepalived from 2.4.0 on does not use a FIFO that is another's",
            cure=cure,
            place=line.place,
            when=_counts(facts),
        )
    else:
        yield warning(
            "the FIFO line names no user",
            why="with script security, or keepalived from 2.4.0 on, it would not be used",
            cure=cure,
            place=line.place,
        )


def _stands_before(place: Place | None, other: Place) -> bool:
    """Say whether keepalived has read the one when it comes to the other."""
    if place is None:
        return False
    return place.file != other.file or (place.line or 0) < (other.line or 0)


def _another_user(facts: Facts, line: FifoLine, cure: str) -> Finding:
    version = facts.keepalived.version
    make = error if version is None or version >= REFUSES_FOREIGN_SINCE else warning
    return make(
        f"the FIFO line names {line.user}, but the FIFO belongs to {facts.fifo.owner}",
        why="keepalived from 2.4.0 on does not use a FIFO that is another's",
        cure=cure,
        place=line.place,
        when=_counts(facts),
    )


def _keyword(facts: Facts, line: FifoLine) -> Iterator[Finding]:
    if line.keyword != _KEYWORD:
        yield warning(
            f"it is a `{line.keyword}` line",
            why="keepalived then has two writers, and leaves the FIFO behind when it stops",
            cure=_right_line(facts),
            place=line.place,
        )


# --- the file ------------------------------------------------------------------------------------


def fifo(facts: Facts) -> Iterator[Said]:
    """Is there a FIFO that the service may open?"""
    seen, path = facts.fifo, facts.fifo_path
    place = Place(str(path))
    if seen.problem:
        yield error(
            f"it cannot be looked at: {seen.problem}",
            why="hakeeper cannot open it either",
            cure=f"namei -l {shlex.quote(str(path))}",
            place=place,
        )
    elif not seen.kind:
        yield error(
            "there is no FIFO",
            why="hakeeper hears nothing; and one that keepalived makes is replaced at each reload",
            cure=cures.fifo_cure("fifo.missing", str(path), facts.machine.user),
            place=place,
        )
    elif seen.kind != "FIFO":
        yield error(
            f"it is {seen.kind}, not a FIFO",
            why="keepalived writes into a file, or nowhere, and hakeeper reads neither",
            cure=cures.fifo_cure("fifo.not_a_fifo", str(path), facts.machine.user),
            place=place,
        )
    else:
        yield from _rights(facts, place)


def _rights(facts: Facts, place: Place) -> Iterator[Said]:
    seen, machine = facts.fifo, facts.machine
    cure = cures.fifo_cure("fifo.denied", str(facts.fifo_path), machine.user)
    if not _may_open(facts):
        yield error(
            f"{machine.user} may not open it: it belongs to {seen.owner}, mode {seen.mode:04o}",
            why="hakeeper hears nothing",
            cure=cure,
            place=place,
        )
    elif seen.mode & _OTHERS_WRITE:
        yield warning(
            f"others may write into it (mode {seen.mode:04o})",
            why="who writes MASTER into it makes hakeeper claim the addresses",
            cure=cure,
            place=place,
        )
    else:
        yield Passed(f"{place} belongs to {seen.owner}, mode {seen.mode:04o}")


def _may_open(facts: Facts) -> bool:
    """Say whether the service's user may read and write it, by the mode (no ACL is looked at)."""
    seen, machine = facts.fifo, facts.machine
    if machine.user_id == 0:
        return True
    if seen.owner_id == machine.user_id:
        return seen.mode & _RIGHTS == _RIGHTS
    shift = 3 if seen.group_id in machine.group_ids else 6
    return (seen.mode << shift) & _RIGHTS == _RIGHTS
