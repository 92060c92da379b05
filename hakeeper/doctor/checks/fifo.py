"""The FIFO: the line in keepalived.conf, and what is at its path."""

import shlex
from collections.abc import Iterator
from typing import Final

from hakeeper.doctor.conf.meaning import FifoLine, KeepalivedConf
from hakeeper.doctor.facts import DEFAULT_USER, Facts, Version
from hakeeper.doctor.finding import Finding, Passed, Place, Said, error, warning

REFUSES_FOREIGN_SINCE: Final[Version] = (2, 4, 0)
"""From here on keepalived uses a FIFO only if root or the user on its line owns it."""
_RIGHTS: Final = 0o600
_OTHERS_WRITE: Final = 0o022


def _right_line(facts: Facts) -> str:
    user = facts.machine.user
    return f"vrrp_notify_fifo {facts.fifo_path} {user} {user}"


# --- the line ----------------------------------------------------------------------------------


def fifo_line(facts: Facts) -> Iterator[Said]:
    """Does keepalived write to the FIFO that hakeeper reads?"""
    read = facts.conf
    if read is None:
        return
    lines = [line for line in read.fifos if line.path == str(facts.fifo_path)]
    if not lines:
        yield _not_the_one(facts, read)
        return
    line = next((one for one in lines if one.keyword == "vrrp_notify_fifo"), lines[0])
    troubles: list[Said] = [*_user_of(facts, read, line), *_keyword(facts, line)]
    yield from troubles or [Passed(f"{line.place} names {line.path} and {line.user}")]


def _not_the_one(facts: Facts, read: KeepalivedConf) -> Finding:
    others = [line for line in read.fifos if line.keyword == "vrrp_notify_fifo"] or read.fifos
    cure = f"{_right_line(facts)}    # in global_defs"
    if not others:
        return error(
            "there is no `vrrp_notify_fifo` line",
            why="keepalived tells nobody who is master, so hakeeper never hears of a failover",
            cure=cure,
            place=read.global_defs,
        )
    given = facts.config.key("keepalived.fifo") or "by default"
    return error(
        f"keepalived writes to {others[0].path}, but hakeeper reads {facts.fifo_path} ({given})",
        why="hakeeper never hears of a failover",
        cure=cure,
        place=others[0].place,
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
        )
    elif facts.fifo.kind == "FIFO" and line.user != facts.fifo.owner and facts.fifo.owner_id != 0:
        yield _another_user(facts, line, cure)


def _without_user(
    facts: Facts, read: KeepalivedConf, line: FifoLine, cure: str
) -> Iterator[Finding]:
    is_secure = "enable_script_security" in read.global_keywords
    has_default = line.script_user is not None or DEFAULT_USER in facts.machine.known_users
    if is_secure and not has_default:
        yield error(
            "the FIFO line names no user, with enable_script_security",
            why="keepalived drops such a line (`Failed to set default user for fifo`); a"
            " script_user line would have to come before it",
            cure=cure,
            place=line.place,
        )
    elif facts.keepalived.version is not None and (
        facts.keepalived.version >= REFUSES_FOREIGN_SINCE and facts.fifo.owner_id > 0
    ):
        yield error(
            f"the FIFO line names no user, and the FIFO belongs to {facts.fifo.owner}",
            why="keepalived from 2.4.0 on does not use a FIFO that is another's",
            cure=cure,
            place=line.place,
        )
    else:
        yield warning(
            "the FIFO line names no user",
            why="with script security, or keepalived from 2.4.0 on, it would not be used",
            cure=cure,
            place=line.place,
        )


def _another_user(facts: Facts, line: FifoLine, cure: str) -> Finding:
    version = facts.keepalived.version
    make = error if version is None or version >= REFUSES_FOREIGN_SINCE else warning
    return make(
        f"the FIFO line names {line.user}, but the FIFO belongs to {facts.fifo.owner}",
        why="keepalived from 2.4.0 on does not use a FIFO that is another's",
        cure=cure,
        place=line.place,
    )


def _keyword(facts: Facts, line: FifoLine) -> Iterator[Finding]:
    if line.keyword != "vrrp_notify_fifo":
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
    quoted = shlex.quote(str(path))
    make = "systemd-tmpfiles --create hakeeper.conf && systemctl restart keepalived"
    if seen.problem:
        yield error(
            f"it cannot be looked at: {seen.problem}",
            why="hakeeper cannot open it either",
            cure=f"namei -l {quoted}",
            place=place,
        )
    elif not seen.kind:
        yield error(
            "there is no FIFO",
            why="hakeeper hears nothing; and one that keepalived makes is replaced at each reload",
            cure=make,
            place=place,
        )
    elif seen.kind != "FIFO":
        yield error(
            f"it is {seen.kind}, not a FIFO",
            why="keepalived writes into a file, or nowhere, and hakeeper reads neither",
            cure=f"mv {quoted} {quoted}.old && {make}",
            place=place,
        )
    else:
        yield from _rights(facts, place, quoted)


def _rights(facts: Facts, place: Place, quoted: str) -> Iterator[Said]:
    seen, machine = facts.fifo, facts.machine
    cure = f"chown {machine.user} {quoted} && chmod 0600 {quoted}"
    if not _may_open(facts):
        yield error(
            f"{machine.user} may not open it: it belongs to {seen.owner}, mode {seen.mode:04o}",
            why="hakeeper hears nothing",
            cure=f"{cure} && systemctl restart keepalived",
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
