"""A million lines on the FIFO as fast as they can be read: speed, memory, and what is claimed.

Most are of four instances that say everything in any order; others are of names that nobody
configured, of sync groups and of virtual servers, and some are no lines of keepalived at all. The
very last line says MASTER for a fifth instance, which until then was never MASTER: its address has
to be claimed by one assign.

Written in two ways:

- *paced*: while less than half of the pipe is full. So nothing is lost, and every line is read.
- *blocking*: as fast as the pipe takes it. keepalived never waits, it drops lines; so whenever
  hakeeper finds the pipe full it has to throw the backlog away and to ask. Here nobody can be
  asked, so the last lines are written when the flood is over.

`repeat` is the number of lines.
"""

import fcntl
import os
import random
import select
import struct
import termios
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hakeeper.demo.lab.daemon import event_of
from tests.bench import procfs, rig
from tests.bench.packaged import Service, lay_out, service
from tests.bench.table import markdown

LINES = 1_000_000
_CHUNK_LINES = 1000
_FLAPPING = "VI_1", "VI_2", "VI_3", "VI_4"
_LAST = "VI_5"
_ADDRESSES = {
    name: f"203.0.113.{number}" for number, name in enumerate((*_FLAPPING, _LAST), start=20)
}
_STATES = "MASTER", "BACKUP", "FAULT", "STOP", "MASTER_RX_LOWER_PRI", "MASTER_PRIORITY"
_PRIORITIES = 150, 100, 49
"""Those of an instance: its own, and less while a check fails."""
_SETTLED_S = 2.0
"""So long after the last line an assign that should not be would have come."""


def lines(rng: random.Random, count: int) -> list[bytes]:
    """Make lines, mixed as the module's text says; every hundredth is none of keepalived's."""
    made = []
    for number in range(count):
        chance = rng.random()
        if number % 100 == 99:
            line = f"INSTANCE VI_1 without quotes {number}"
        elif chance < 0.8:
            name, state, priority = map(rng.choice, (_FLAPPING, _STATES, _PRIORITIES))
            line = f'INSTANCE "{name}" {state} {priority}'
        elif chance < 0.85:
            line = f'INSTANCE "{_LAST}" {rng.choice(("BACKUP", "FAULT"))} 100'
        elif chance < 0.95:
            line = f'INSTANCE "other {rng.randrange(1000)}" {rng.choice(_STATES)} 100'
        elif chance < 0.98:
            line = f'GROUP "VG {rng.randrange(9)}" {rng.choice(_STATES[:3])} 0'
        else:
            line = f"RS [10.0.0.{rng.randrange(255)}]:tcp:80 [10.99.0.100]:tcp:80 UP"
        made.append(f"{line}\n".encode())
    return made


def last_lines() -> bytes:
    """Return how it ends: all others are BACKUP, and the last one is MASTER."""
    words = [f'INSTANCE "{name}" BACKUP 100\n' for name in _FLAPPING]
    return "".join([*words, f'INSTANCE "{_LAST}" MASTER 100\n']).encode()


class Pipe:
    """The writing end, with what waits in it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY)
        self._size = fcntl.fcntl(self._fd, fcntl.F_GETPIPE_SZ)

    def waiting(self) -> int:
        """Bytes that wait."""
        answer = fcntl.ioctl(self._fd, termios.FIONREAD, b"\0\0\0\0")
        return int(struct.unpack("i", answer)[0])

    def write_blocking(self, data: bytes) -> None:
        """Write, as soon as there is room."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def write_paced(self, data: bytes) -> None:
        """Write once less than half of the pipe is full."""
        while self.waiting() + len(data) > self._size // 2:
            time.sleep(0.0002)
        self.write_blocking(data)

    def wait_empty(self) -> None:
        """Wait until all is taken out."""
        while self.waiting():
            select.select([], [], [], 0.0005)

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)


def _storm(
    one: rig.Standby,
    daemon: Service,
    chunks: list[bytes],
    times: int,
    write: Callable[[Pipe], Callable[[bytes], None]],
) -> dict[str, Any]:
    """Write all chunks so often, then the last lines, and see what became of it."""
    pid = daemon.daemon.pid
    pipe = Pipe(one.node.fifo)
    seq = rig.last_seq(one.cloud)
    entries = len(daemon.daemon.entries())
    before = procfs.memory(pid)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # so that the peak is that of the storm
    early = procfs.usage(pid)
    put = write(pipe)
    paced = put == pipe.write_paced
    begun_s = time.monotonic()
    for _ in range(times):
        for chunk in chunks:
            put(chunk)
    if not paced:
        pipe.wait_empty()
    pipe.write_blocking(last_lines())
    last_s = time.monotonic()
    pipe.wait_empty()
    taken_s = time.monotonic()
    used = procfs.usage(pid)
    ours = {name: one.cloud.holder(int(ip_id)) for name, ip_id in _ids(one).items()}
    wanted = _ids(one)[_LAST]
    one.cloud.wait_for(lambda: one.cloud.holder(wanted) == one.server, rig.PATIENCE_S)
    time.sleep(_SETTLED_S)
    peak = procfs.memory(pid)
    requests = one.requests(seq)
    assigns = [each for each in requests if each.is_assign]
    roles = one.node.daemon.status()["roles"]
    assert isinstance(roles, list)
    said = {str(each["name"]): str(each["role"]) for each in roles}
    kinds = [event_of(entry) for entry in daemon.daemon.entries()[entries:]]
    pipe.close()
    count = times * sum(chunk.count(b"\n") for chunk in chunks)
    return {
        "lines": count,
        "seconds": taken_s - begun_s,
        "lines_per_s": count / (taken_s - begun_s),
        "cpu_s": used.running_s - early.running_s,
        "memory_before_kib": asdict(before),
        "memory_after_kib": asdict(peak),
        "last_line_ms": 1000 * (last_s - begun_s),
        "owned_when_taken": sum(holder == one.server for holder in ours.values()),
        "assigns_of_last": sum(each.floating_ip == wanted for each in assigns),
        "assigns_of_others": sum(each.floating_ip != wanted for each in assigns),
        "assigns_after_last_line": sum(each.received_s >= last_s for each in assigns),
        "claim_ms": 1000
        * (next(e.received_s for e in assigns if e.floating_ip == wanted) - last_s),
        "roles_right": said == {**dict.fromkeys(_FLAPPING, "BACKUP"), _LAST: "MASTER"},
        "roles": said,
        "overflows_told": kinds.count("fifo.overflowed"),
        "journal_lines": len(kinds),
    }


def _ids(one: rig.Standby) -> dict[str, int]:
    """Return the id of each instance's address."""
    instances = one.node.config["instances"]
    return {name: int(refs["floating_ips"][0]) for name, refs in instances.items()}


WAYS: dict[str, Callable[[Pipe], Callable[[bytes], None]]] = {
    "paced": lambda pipe: pipe.write_paced,
    "blocking": lambda pipe: pipe.write_blocking,
}


def measure(repeat: int | None) -> dict[str, Any]:
    """Let it storm in both ways, each on a daemon of its own."""
    count = LINES if repeat is None else repeat
    made = lines(random.Random(1), min(count, 100 * _CHUNK_LINES))  # noqa: S311
    chunks = [b"".join(made[at : at + _CHUNK_LINES]) for at in range(0, len(made), _CHUNK_LINES)]
    times = max(1, count // len(made))
    figures: dict[str, Any] = {}
    for way, write in WAYS.items():
        with rig.folder() as place, rig.cloud(place / "cloud") as cloud:
            ids = {
                name: cloud.front.add_floating_ip(f"web-{name}", address)
                for name, address in _ADDRESSES.items()
            }
            direct = rig.Relay(port=cloud.port, rtt_ms=0.0, pid=cloud.pid)
            one = rig.Standby(
                place, cloud, direct, {name: [str(number)] for name, number in ids.items()}
            )
            with service(one.node.daemon, lay_out(place)) as daemon:
                one.node.keepalived.start()
                one.node.write_config()
                daemon.start()
                one.node.wait_log("server.identified")
                for name in ids:
                    one.backup(name)
                time.sleep(_SETTLED_S)
                figures[way] = _storm(one, daemon, chunks, times, write)
                rig.progress(f"storm, {way}: {figures[way]['lines_per_s']:.0f} lines a second")
            one.close()
    return {"ways": figures}


def tables(figures: dict[str, Any]) -> str:
    """Show one line a way."""
    head = (
        *("written", "lines", "lines a second", "CPU s", "resident before, MiB", "peak", "after"),
        *("assigns of the last MASTER", "of the others meanwhile", "roles right at the end"),
        *("last line → its assign, ms", "journal lines"),
    )
    rows = []
    for way, one in figures["ways"].items():
        before, after = one["memory_before_kib"], one["memory_after_kib"]
        sizes = (before["rss"], after["peak"], after["rss"])
        rows.append(
            (
                *(way, f"{one['lines']:,}", f"{one['lines_per_s']:,.0f}", f"{one['cpu_s']:.2f}"),
                *(f"{size / 1024:.1f}" for size in sizes),
                *(one["assigns_of_last"], one["assigns_of_others"]),
                *("yes" if one["roles_right"] else f"no: {one['roles']}",),
                *(f"{one['claim_ms']:.0f}", one["journal_lines"]),
            )
        )
    return markdown(head, rows)
