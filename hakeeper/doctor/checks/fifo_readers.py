"""The running keepalived and the FIFO: which file it has open, and which processes read it.

This is about the present; `fifo` checks the line in keepalived.conf.
"""

from collections.abc import Iterator

from hakeeper.adapters import cures
from hakeeper.doctor.checks.fifo import fifo_line
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import (
    CheckResult,
    Finding,
    Passed,
    Place,
    Severity,
    When,
    error,
    warning,
)
from hakeeper.doctor.keepalived_facts import Held


def fifo_readers(facts: Facts) -> Iterator[CheckResult]:
    """Check that the running keepalived has hakeeper's FIFO open, and no other process reads it."""
    if not facts.is_running or facts.fifo.kind != "FIFO":
        return  # the checks `keepalived` and `fifo` report that
    seen = facts.keepalived
    troubles = [*_held(facts), *_readers(facts)]
    yield from troubles
    if not troubles and seen.held is Held.OURS:
        yield Passed(f"keepalived (process {seen.child_pid}) has {facts.fifo_path} open")


def hidden_from_user(facts: Facts) -> Iterator[str]:
    """Say what could be wrong, but is hidden from this user."""
    if facts.is_running and facts.fifo.kind == "FIFO" and not facts.machine.is_root:
        yield f"other readers of {facts.fifo_path}"


def _held(facts: Facts) -> Iterator[Finding]:
    seen, place = facts.keepalived, Place(str(facts.fifo_path))
    if seen.reads_replaced_fifo:
        yield warning(
            "keepalived writes to a FIFO that was replaced; hakeeper still reads that one, too",
            why="if hakeeper restarts before keepalived reloads its file, it no longer hears"
            " keepalived",
            cure=cures.RELOAD,
            place=place,
            when=When.NOW,
        )
    elif seen.held is Held.ANOTHER:
        yield error(
            "keepalived has another file open than the one at this path: the FIFO was replaced"
            " while it was open",
            why="nothing reads what it writes now",
            cure=cures.RELOAD,
            place=place,
            when=When.NOW,
        )
    elif seen.held is Held.NONE and not _is_explained(facts):
        shown = f"; it has {', '.join(seen.other_fifos)} open" if seen.other_fifos else ""
        file = facts.not_in_force
        cause = (
            f"it has not read {file}"
            if file
            else "the FIFO line is wrong, or was missing when keepalived read its file"
        )
        yield error(
            f"the running keepalived (process {seen.child_pid}) does not have the FIFO open{shown}",
            why=f"hakeeper hears nothing from it: {cause}",
            cure=cures.in_force(file, seen.in_force)
            if file
            else f"{cures.RELOAD}; journalctl -u keepalived -n 30",
            place=place,
            when=When.NOW,
        )


def _is_explained(facts: Facts) -> bool:
    """Say whether a finding about the FIFO line already gives the cause."""
    return any(
        isinstance(one, Finding) and one.severity is Severity.ERROR and one.when & When.NOW
        for one in fifo_line(facts)
    )


def _readers(facts: Facts) -> Iterator[Finding]:
    read = facts.conf
    lines = {} if read is None else read.global_keywords
    for one in facts.keepalived.other_readers or ():
        if one.is_script and lines.keys() & {"vrrp_notify_fifo_script", "notify_fifo_script"}:
            continue  # reported with the line that starts it
        cure = f"kill {one.pid}    # and see what starts it: systemctl status {one.pid}"
        yield error(
            f"process {one.pid} reads the FIFO, too: {one.command}",
            why="each line is read only once: the lines that it reads never reach hakeeper",
            cure=cures.RELOAD if one.is_script else cure,
            place=Place(str(facts.fifo_path)),
            when=When.NOW if one.is_script else When.ALWAYS,
        )
