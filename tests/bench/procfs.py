"""What Linux counts of a process; see proc(5)."""

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Since the start of the process. Threads that have ended count in `ticks_s` only."""

    running_s: float
    """Time on a core, of all threads that live, to the nanosecond (schedstat)."""
    ticks_s: float
    """User and system time by /proc/PID/stat, in hundredths of a second."""
    waking: int
    """Voluntary context switches: each is a sleep, and a wake-up from it."""
    preempted: int
    """Involuntary ones."""
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident now, in KiB, and what else a process holds."""

    rss: int
    pss: int
    """Pages shared with other processes count by their part."""
    anonymous: int
    """What no file backs."""
    peak: int
    """The largest `rss` ever (VmHWM)."""
    descriptors: int
    """Open files; no KiB."""


def usage(pid: int) -> Usage:
    """Count; ProcessLookupError or FileNotFoundError where it has ended."""
    process = Path(f"/proc/{pid}")
    running_ns = waking = preempted = 0
    tasks = list((process / "task").iterdir())
    for task in tasks:
        running_ns += int((task / "schedstat").read_text().split()[0])
        status = (task / "status").read_text()
        waking += _number("voluntary_ctxt_switches", status)
        preempted += _number("nonvoluntary_ctxt_switches", status)
    fields = (process / "stat").read_text().rpartition(") ")[2].split()
    return Usage(
        running_s=running_ns / 1e9,
        ticks_s=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        waking=waking,
        preempted=preempted,
        threads=len(tasks),
    )


def memory(pid: int) -> Memory:
    """Count; ProcessLookupError or FileNotFoundError where it has ended."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return Memory(
        rss=_number("Rss", rollup),
        pss=_number("Pss", rollup),
        anonymous=_number("Anonymous", rollup),
        peak=_number("VmHWM", Path(f"/proc/{pid}/status").read_text()),
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
    )


def _number(name: str, text: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {name}")
    return int(found.group(1))
