"""The running keepalived, from /proc: its VRRP child, its open FIFOs, and the FIFO's readers.

Only root can see other users' file descriptors; what is hidden counts as not known. No signals are
sent.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hakeeper.adapters.keepalived.liveness import CHILD_NAME, vrrp_pid_file
from hakeeper.adapters.keepalived.processes import (
    Process,
    arguments_of,
    children_of,
    owner_of,
    program_of,
    read_pid_file,
    read_stat,
)
from hakeeper.adapters.pipes import lock_holder
from hakeeper.doctor.keepalived_facts import Held, OtherReader

SETTLING_S: Final = 3.0
"""keepalived opens its FIFO within this time after its start."""
DAEMON_PATIENCE_S: Final = 7.0
"""The daemon reports a keepalived without an open FIFO after this time."""
LOOK_LIMIT_S: Final = 3.0
"""The scan of all processes stops after this time."""
_PROC: Final = Path("/proc")
_DELETED: Final = " (deleted)"
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptors:
    """The FIFOs that keepalived's VRRP child has open."""

    held: Held
    others: tuple[str, ...] = ()
    """Its other open FIFOs."""
    reads_replaced_fifo: bool = False
    """Whether the daemon still reads a replaced FIFO that keepalived may have open."""


STRAYS_LAST_S: Final = 0.5
"""A process must exist for this long to count as running."""


def by_pid_file(pid_file: str) -> int | None:
    """Return the pid in the file, if it is a running keepalived."""
    pid = read_pid_file(pid_file)
    process = None if pid is None else Process.hold(pid, boot="")
    if process is None:
        return None
    try:
        return process.pid if process.is_keepalived() else None
    finally:
        process.close()


def strays(known: int | None) -> tuple[int, ...]:
    """Return every other keepalived of root's in this network namespace; only root can see them.

    Short-lived processes do not count: a child whose parent has just exited, `keepalived -v`.
    """
    if os.geteuid() != 0:
        return ()
    found = _strays(known)
    if not found:
        return ()
    time.sleep(STRAYS_LAST_S)
    return tuple(pid for pid in _strays(known) if pid in found)


def _strays(known: int | None) -> tuple[int, ...]:
    ours = _network_of("self")
    found = []
    for pid in _all_pids():
        if pid == known or not is_keepalived(pid):
            continue
        seen = read_stat(pid)
        if seen is None or seen.ended or is_keepalived(seen.parent_pid):
            continue
        if ours is not None and _network_of(str(pid)) == ours and owner_of(pid) == 0:
            found.append(pid)
    return tuple(found)


def is_keepalived(pid: int) -> bool:
    """Say whether the process's program is keepalived; False if that is hidden."""
    program = program_of(pid)
    return program is not None and program.name == "keepalived"


def vrrp_child(pid: int, pid_file: str) -> int | None:
    """Return the VRRP child of a keepalived; None: there is none, or /proc hides it."""
    from_file = read_pid_file(vrrp_pid_file(pid_file))
    children = children_of(pid)
    if from_file is not None:
        seen = read_stat(from_file)
        if from_file in children or (seen is not None and seen.parent_pid == pid):
            return from_file
    named = [one for one in children if (seen := read_stat(one)) and seen.command == CHILD_NAME]
    # The parent starts its VRRP child last, after the children for health checks and BFD.
    programs = [one for one in children if is_keepalived(one)]
    return next(iter([*named, *reversed(programs)]), None)


def settled_descriptors(pid: int, child: int, fifo: Path) -> Descriptors:
    """Read the child's descriptors; right after a start, give it time to open the FIFO."""
    end_s = time.monotonic() + SETTLING_S
    while True:
        seen = descriptors(child, fifo)
        process = read_stat(child)
        age_s = None if process is None else process.age_s()
        is_young = age_s is not None and age_s < SETTLING_S
        # If it is hidden, wait for the daemon's report, which comes later.
        is_known = seen.held is not Held.UNKNOWN or age_s is None or age_s > DAEMON_PATIENCE_S
        if is_known and (seen.held is not Held.NONE or not is_young or time.monotonic() > end_s):
            return seen
        if read_stat(pid) is None:
            return seen
        time.sleep(_POLL_S)


def descriptors(child: int, fifo: Path) -> Descriptors:
    """Compare the child's open FIFOs with the file at the FIFO's path."""
    try:
        wanted: os.stat_result | None = fifo.stat()
    except OSError:
        wanted = None
    real = os.path.realpath(fifo)
    replaced = _replaced(wanted)
    ours, was_ours, others = False, False, []
    reads_replaced_fifo = False
    try:
        for link, found in _pipes_of(child):
            if wanted is not None and os.path.samestat(found, wanted):
                ours = True
            elif (found.st_dev, found.st_ino) in replaced:
                was_ours = reads_replaced_fifo = True
            elif link.removesuffix(_DELETED) == real:
                was_ours = True
            else:
                others.append(link)
    except OSError:
        return Descriptors(held=Held.UNKNOWN, reads_replaced_fifo=bool(replaced))
    held = Held.OURS if ours else Held.ANOTHER if was_ours else Held.NONE
    return Descriptors(
        held=held,
        others=tuple(sorted(set(others))),
        reads_replaced_fifo=reads_replaced_fifo and not ours,
    )


def _replaced(wanted: os.stat_result | None) -> set[tuple[int, int]]:
    """Return the FIFOs that the daemon still reads besides the one at its path.

    It closes a replaced one as soon as no process can write to it any more.
    """
    daemon = None if wanted is None else lock_holder(wanted)
    if wanted is None or daemon is None:
        return set()
    with contextlib.suppress(OSError):  # it has ended, or is hidden
        return {
            (found.st_dev, found.st_ino)
            for _, found in _pipes_of(daemon)
            if not os.path.samestat(found, wanted)
        }
    return set()


def _pipes_of(pid: int) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every named FIFO that the process has open; OSError: hidden."""
    folder = _PROC / str(pid) / "fd"
    for name in os.listdir(folder):  # noqa: PTH208  # descriptors come and go; only names are needed
        with contextlib.suppress(FileNotFoundError):
            link = str((folder / name).readlink())
            if not link.startswith("/"):
                continue
            found = (folder / name).stat()
            if stat.S_ISFIFO(found.st_mode):
                yield link, found


def other_readers(
    fifo: Path, keepalived: int | None, child: int | None
) -> tuple[OtherReader, ...] | None:
    """Return the FIFO's readers other than hakeeper and keepalived; None: not known.

    Scripts that keepalived started for the FIFO are visible to every user, by their command line;
    all other processes that have it open are visible to root only.
    """
    try:
        wanted = fifo.stat()
    except OSError:
        return ()
    ours = {pid for pid in (keepalived, child, lock_holder(wanted), os.getpid()) if pid}
    found = {
        pid: OtherReader(pid=pid, command=_command(pid), is_script=True)
        for parent in (keepalived, child)
        if parent is not None
        for pid in _descendants(parent)
        if not is_keepalived(pid) and _names(pid, fifo, wanted)
    }
    if os.geteuid() != 0:
        return tuple(found.values())
    end_s = time.monotonic() + LOOK_LIMIT_S
    for pid in _all_pids():
        if time.monotonic() > end_s:
            return None
        if pid not in found and pid not in ours and _reads(pid, fifo, wanted):
            if is_keepalived(pid):
                continue
            found[pid] = OtherReader(pid=pid, command=_command(pid), is_script=False)
    return tuple(found[pid] for pid in sorted(found))


def _reads(pid: int, fifo: Path, wanted: os.stat_result) -> bool:
    """Say whether the process has the FIFO open for reading."""
    folder = _PROC / str(pid) / "fd"
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for name in os.listdir(folder):  # noqa: PTH208  # as above
            link = str((folder / name).readlink())
            # Only stat files of the same name: a file on a dead network disk would block.
            if not link.startswith("/") or Path(link).name.removesuffix(_DELETED) != fifo.name:
                continue
            if os.path.samestat((folder / name).stat(), wanted):
                flags = (_PROC / str(pid) / "fdinfo" / name).read_text().split("flags:")[1]
                if int(flags.split()[0], 8) & os.O_ACCMODE != os.O_WRONLY:
                    return True
    return False


def _names(pid: int, fifo: Path, wanted: os.stat_result) -> bool:
    for word in arguments_of(pid)[1:]:
        if word.startswith("/") and Path(word).name == fifo.name:
            with contextlib.suppress(OSError):
                return os.path.samestat(Path(word).stat(), wanted)
    return False


def _descendants(pid: int) -> Iterator[int]:
    waiting, seen = [pid], {pid}
    while waiting and len(seen) < 1000:  # noqa: PLR2004  # far more than keepalived's
        for one in children_of(waiting.pop()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
                yield one


def _all_pids() -> list[int]:
    return sorted(int(name) for name in os.listdir(_PROC) if name.isdecimal())  # noqa: PTH208


def _command(pid: int) -> str:
    shown = " ".join(arguments_of(pid)).strip()
    return "".join(one if one.isprintable() else "?" for one in shown)[:80] or "?"


def _network_of(pid: str) -> str | None:
    with contextlib.suppress(OSError):
        return str((_PROC / pid / "ns" / "net").readlink())
    return None
