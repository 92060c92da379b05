"""What a process weighs: its memory and its open files, from /proc."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look at a process."""

    pid: int
    age_s: float
    """Since the soak's begin."""
    rss_kib: int
    fds: int
    threads: int


def look_at(pid: int, age_s: float) -> Vitals:
    """Weigh a running process; raises OSError if it is gone."""
    folder = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
    )
    return Vitals(
        pid=pid,
        age_s=round(age_s, 1),
        rss_kib=int(status["VmRSS"].split()[0]),
        fds=len(list((folder / "fd").iterdir())),
        threads=int(status["Threads"]),
    )


def growth(seen: list[Vitals], *, warm_up: int, rss_kib: int, fds: int) -> str | None:
    """Say in words if a process has grown since its `warm_up`-th look by more than is allowed."""
    if len(seen) <= warm_up:
        return None
    first, last = seen[warm_up], seen[-1]
    if last.rss_kib - first.rss_kib > rss_kib:
        return f"its memory grew from {first.rss_kib} to {last.rss_kib} KiB"
    if last.fds - first.fds > fds:
        return f"its open files grew from {first.fds} to {last.fds}"
    return None
