"""The running keepalived and the FIFO: which file it holds, and who else reads it.

This is evidence, and it is of now: what stands in the file is judged elsewhere.
"""

from collections.abc import Iterator

from hakeeper.adapters import cures
from hakeeper.doctor.checks.fifo import fifo_line
from hakeeper.doctor.facts import Facts, Held
from hakeeper.doctor.finding import (
    Finding,
    Passed,
    Place,
    Said,
    Severity,
    When,
    error,
    warning,
)


def holding(facts: Facts) -> Iterator[Said]:
    """Does the running keepalived hold the FIFO that hakeeper reads, and nobody else?"""
    if not facts.is_running or facts.fifo.kind != "FIFO":
        return  # told elsewhere, with its own cure
    seen = facts.keepalived
    troubles = [*_held(facts), *_readers(facts)]
    yield from troubles
    if not troubles and seen.held is Held.OURS:
        yield Passed(f"keepalived (process {seen.child_pid}) holds {facts.fifo_path} open")


def unseen(facts: Facts) -> Iterator[str]:
    """Say what is hidden from this user, and could be wrong."""
    if facts.is_running and facts.fifo.kind == "FIFO" and not facts.machine.is_root:
        yield f"who else reads {facts.fifo_path}"


def _held(facts: Facts) -> Iterator[Finding]:
    seen, place = facts.keepalived, Place(str(facts.fifo_path))
    if seen.is_old_heard:
        yield warning(
            "keepalived writes into a FIFO that was replaced; hakeeper still reads that one, too",
            why="it hears nothing more when it is started anew before keepalived has read its file"
            " again",
            cure=cures.RELOAD,
            place=place,
            when=When.NOW,
        )
    elif seen.held is Held.ANOTHER:
        yield error(
            "keepalived holds another file than the one at this path: the FIFO was made anew"
            " while it was open",
            why="what it writes now is read by nobody",
            cure=cures.RELOAD,
            place=place,
            when=When.NOW,
        )
    elif seen.held is Held.NONE and not _is_explained(facts):
        shown = f"; it holds {', '.join(seen.other_fifos)}" if seen.other_fifos else ""
        file = facts.not_in_force
        cause = (
            f"it has not read {file}"
            if file
            else "the FIFO line is wrong, or was not there when keepalived read its file"
        )
        yield error(
            f"the keepalived that runs (process {seen.child_pid}) does not hold the FIFO"
            f" open{shown}",
            why=f"it writes nothing that hakeeper hears: {cause}",
            cure=cures.in_force(file, seen.in_force)
            if file
            else f"{cures.RELOAD}; journalctl -u keepalived -n 30",
            place=place,
            when=When.NOW,
        )


def _is_explained(facts: Facts) -> bool:
    """Say whether the line in the file tells the cause already."""
    return any(
        isinstance(one, Finding) and one.severity is Severity.ERROR and one.when & When.NOW
        for one in fifo_line(facts)
    )


def _readers(facts: Facts) -> Iterator[Finding]:
    read = facts.conf
    lines = {} if read is None else read.global_keywords
    for one in facts.keepalived.other_readers or ():
        if one.is_script and lines.keys() & {"vrrp_notify_fifo_script", "notify_fifo_script"}:
            continue  # told with the line that starts it
        cure = f"kill {one.pid}    # and see who starts it: systemctl status {one.pid}"
        yield error(
            f"process {one.pid} reads the FIFO, too: {one.command}",
            why="a line is read once: it takes lines that hakeeper then never hears",
            cure=cures.RELOAD if one.is_script else cure,
            place=Place(str(facts.fifo_path)),
            when=When.NOW if one.is_script else When.ALWAYS,
        )
