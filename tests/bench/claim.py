"""From the event to the assign's arrival: hakeeper, a raw prepared request, and scripts.

For hakeeper and the floor the event is the write of keepalived's line into the FIFO, for a script
the fork before its exec; the end is the moment at which the simulated cloud has the whole request.
Everything is there at once and takes turns: all ways at all round-trip times, again and again, so a
busy moment of the machine hits all alike.
"""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hakeeper.adapters.control_client import ask
from hakeeper.core.claim.resource import SPACING_S
from hakeeper.demo.cloud import CloudClient, LoggedRequest
from tests.bench import rig, scripts
from tests.bench.table import markdown, ms, summary, times

RTTS_MS = (0, 5, 20, 80)
REPEAT = 100
"""Events for each way at each round-trip time; of scripts at most SCRIPT_REPEAT."""
SCRIPT_REPEAT = 30
FLOOR, BARE, HAKEEPER = "raw request", "raw request, no FIFO", "hakeeper"
SCRIPTS = {
    "curl, ids known": scripts.CURL,
    "hcloud-cli": scripts.HCLOUD_CLI,
    "Python with hcloud": scripts.PYTHON,
}
WAYS = (BARE, FLOOR, HAKEEPER, *SCRIPTS)
ELSEWHERE = "elsewhere"
"""The name of the server that has the addresses before."""
STANDBY_INTERVAL_S = 2.0
"""hakeeper reads the holders this often here, so that it soon sees an address given away again."""
_READ_AHEAD = 1 / 4
"""No event in this part of the interval before the standby's next read."""
_STATUS_TIMEOUT_S = 5.0


class Way(Protocol):
    """One way to assign an address, at one round-trip time."""

    client: str
    """Its name in the cloud's log."""
    floating_ip: int

    def prepare(self) -> None:
        """Wait until the next event is as good as the first: another server has the address."""

    def fire(self) -> float | None:
        """Let the event happen; return when, or None if `finish` will know."""

    def finish(self) -> float | None:
        """Wait until the assign is over; return when the event was, if only this knows it."""


@dataclass(slots=True)
class Sample:
    """One event and what the cloud received after it."""

    event_s: float
    requests: Sequence[LoggedRequest]
    """Of this client, received after the event, in their order; an assign is among them."""
    warm: bool
    """Whether the assign came over a connection that had been used before."""

    @property
    def ms(self) -> float:
        """From the event to the arrival of the assign, in milliseconds."""
        return 1000 * (self._assign.received_s - self.event_s)

    @property
    def calls_before(self) -> int:
        """How many other calls this client made between the event and the assign."""
        return [request.is_assign for request in self.requests].index(True)

    @property
    def _assign(self) -> LoggedRequest:
        return self.requests[self.calls_before]


@dataclass(slots=True)
class Observer:
    """Reads the cloud's log, each request once."""

    front: CloudClient
    seq: int = 0
    connections: dict[str, set[int]] = field(default_factory=dict)

    def catch_up(self) -> None:
        """Read what has come; it belongs to no event."""
        self._note(self.front.requests(after_seq=self.seq))

    def _note(self, requests: Iterable[LoggedRequest]) -> None:
        for request in requests:
            self.seq = max(self.seq, request.seq)
            self.connections.setdefault(request.client, set()).add(request.connection)

    def sample(self, way: Way) -> Sample:
        """Let the event of this way happen, and see what comes of it."""
        way.prepare()
        self.catch_up()
        event_s = way.fire()
        seen = rig.wait_requests(self.front, way.client, self.seq, lambda one: one.is_assign)
        told_s = way.finish()
        event_s = told_s if event_s is None else event_s
        assert event_s is not None
        self._note(request for request in seen if request.received_s < event_s)
        after = [request for request in seen if request.received_s >= event_s]
        known = self.connections.get(way.client, set())
        assign = next(request for request in after if request.is_assign)
        return Sample(event_s, after, warm=assign.connection in known)


# --- the ways -------------------------------------------------------------------------------------


class Floor:
    """A raw prepared request on a warm connection, in a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", names: scripts.Names) -> None:
        self.client = names.server
        self.floating_ip = names.floating_ip
        self._process = process
        self.notify: rig.Notify | None = None
        """None: the bare one."""

    def prepare(self) -> None:
        """Nothing: it was read to its end."""

    def fire(self) -> float | None:
        if self.notify is not None:
            return self.notify.role("MASTER")
        assert self._process.stdin is not None
        self._process.stdin.write(b"now\n")
        self._process.stdin.flush()
        return None

    def finish(self) -> float | None:
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        if told["status"] != 201:
            raise RuntimeError(f"the raw assign was answered with {told['status']}")
        return float(told["sent_s"])


class Hakeeper:
    """A warm daemon in BACKUP."""

    def __init__(
        self,
        standby: rig.Standby,
        floating_ip: int,
        elsewhere: int,
        interval_s: float = STANDBY_INTERVAL_S,
    ) -> None:
        self.client = standby.name
        self._interval_s = interval_s
        self.floating_ip = floating_ip
        self._standby = standby
        self._elsewhere = elsewhere
        self._mark = 0
        self._ready_from_s = 0.0
        self._given_back_s = time.monotonic()
        self._seq = 0

    def prepare(self) -> None:
        """Wait for a read that showed the other holder, its name, and the end of the spacing."""
        rig.until(self._is_ready, f"{self.client} to be a standby again", poll_s=0.02)

    def _is_ready(self) -> bool:
        now = time.monotonic()
        reads = [
            request
            for request in self._standby.requests(self._seq)
            if request.received_s > self._given_back_s
            and request.path.endswith("/floating_ips")
            and request.answered_s is not None
        ]
        if now < self._ready_from_s or not reads:
            return False
        self._seq = reads[-1].seq - 1
        next_read_s = reads[-1].received_s + self._interval_s
        return now < next_read_s - _READ_AHEAD * self._interval_s and self._sees_other()

    def _sees_other(self) -> bool:
        socket = self._standby.node.daemon.runtime_folder / "control.sock"
        status = ask(str(socket), {"command": "status"}, _STATUS_TIMEOUT_S)
        [role] = status["roles"]
        [address] = role["addresses"]
        # The name comes with a call of its own, which must not be under way at the event.
        is_named = address["holder_label"].startswith(f"{ELSEWHERE} ")
        sees = ("BACKUP", self._elsewhere) == (role["role"], address["holder_server_id"])
        return sees and is_named

    def fire(self) -> float | None:
        self._mark = self._standby.node.mark()
        self._seq = max((one.seq for one in self._standby.requests(self._seq)), default=self._seq)
        return self._standby.notify.role("MASTER")

    def finish(self) -> float | None:
        self._standby.node.wait_log("address.claimed", after=self._mark)
        self._ready_from_s = time.monotonic() + SPACING_S
        self._standby.backup()
        self._standby.cloud.move(self.floating_ip, self._elsewhere)
        self._given_back_s = time.monotonic()
        return None


class Scripted:
    """A notify script."""

    def __init__(self, script: scripts.Script, names: scripts.Names) -> None:
        self.client = names.server
        self.floating_ip = names.floating_ip
        self._script = script

    def prepare(self) -> None:
        """Nothing: the last one has ended."""

    def fire(self) -> float | None:
        return self._script.start()

    def finish(self) -> float | None:
        self._script.wait()
        return None


class Stage:
    """The cloud with everything that one round-trip time needs, for all of them."""

    def __init__(
        self,
        place: Path,
        cloud: rig.Cloud,
        stack: contextlib.ExitStack,
        interval_s: float = STANDBY_INTERVAL_S,
    ) -> None:
        self._place = place
        self._cloud = cloud
        self._stack = stack
        self._interval_s = interval_s
        self.elsewhere = cloud.front.add_server(ELSEWHERE)
        self._count = 0

    def _address(self, name: str) -> int:
        self._count += 1
        ip = f"203.0.113.{self._count}"
        return self._cloud.front.add_floating_ip(f"ip-{name}", ip, server=self.elsewhere)

    def _names(self, way: str, rtt_ms: int) -> scripts.Names:
        name = f"{way.split(',', maxsplit=1)[0].replace(' ', '-').lower()}-{len(way)}-{rtt_ms}"
        front = self._cloud.front
        return scripts.Names(
            address=f"ip-{name}",
            floating_ip=self._address(name),
            server=name,
            server_id=front.add_server(name),
            token=front.add_client(name),
        )

    def ways(self, rtt_ms: int) -> Iterator[tuple[str, Way]]:
        """Make all ways at one round-trip time."""
        relay = self._stack.enter_context(rig.relay(self._cloud, rtt_ms))
        for way in (BARE, FLOOR):
            yield way, self._floor(relay, self._names(way, rtt_ms), with_fifo=way == FLOOR)
        yield HAKEEPER, self._hakeeper(relay, f"hakeeper-{rtt_ms}")
        for way, text in SCRIPTS.items():
            names = self._names(way, rtt_ms)
            path = self._place / f"{names.server}.notify"
            script = scripts.Script(path, text, names, self._cloud, relay)
            self._stack.callback(script.close)
            yield way, Scripted(script, names)

    def _floor(self, relay: rig.Relay, names: scripts.Names, *, with_fifo: bool) -> Floor:
        argv = ["-m", "tests.bench.floor", "--port", str(relay.port), "--token", names.token]
        argv += ["--floating-ip", str(names.floating_ip), "--server", str(names.server_id)]
        argv += ["--ca-file", str(self._cloud.ca_file)]
        if not with_fifo:
            _, process = self._stack.enter_context(rig.helper(argv))
            return Floor(process, names)
        fifo = self._place / f"{names.server}.fifo"
        os.mkfifo(fifo)
        notify = rig.Notify(fifo)
        _, process = self._stack.enter_context(rig.helper([*argv, "--fifo", str(fifo)]))
        self._stack.callback(notify.close)  # before the helper, which ends then
        floor = Floor(process, names)
        floor.notify = notify
        return floor

    def _hakeeper(self, relay: rig.Relay, name: str) -> Hakeeper:
        floating_ip = self._address(name)
        interval = f"{self._interval_s:g}s"
        standby = self._stack.enter_context(
            rig.standby(
                self._place,
                self._cloud,
                relay,
                {"VI_1": [f"ip-{name}"]},
                name=name,
                settings={"reconcile": {"interval": interval, "standby_interval": interval}},
            )
        )
        return Hakeeper(standby, floating_ip, self.elsewhere, self._interval_s)


# --- the part -------------------------------------------------------------------------------------


def measure(repeat: int | None) -> dict[str, Any]:
    """Measure all ways at all round-trip times; return the figures."""
    for program in ("hcloud", "curl"):
        if shutil.which(program) is None:
            raise rig.Unavailable(f"there is no {program} (.ci/install-packages dev installs it)")
    events = repeat or REPEAT
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(rig.folder())
        cloud = stack.enter_context(rig.cloud(place / "cloud"))
        stage = Stage(place, cloud, stack)
        ways = {(rtt, way): made for rtt in RTTS_MS for way, made in stage.ways(rtt)}
        samples = _take_turns(Observer(cloud.front), ways, stage.elsewhere, events)
    return {
        "rtts_ms": list(RTTS_MS),
        "ways": {way: {str(rtt): figures(samples[rtt, way]) for rtt in RTTS_MS} for way in WAYS},
    }


def _take_turns(
    observer: Observer, ways: Mapping[tuple[int, str], Way], elsewhere: int, events: int
) -> dict[tuple[int, str], list[Sample]]:
    samples: dict[tuple[int, str], list[Sample]] = {key: [] for key in ways}
    warming = -1  # the first round counts nowhere: files are read from the disk, caches filled
    for turn in range(warming, events):
        for key, way in ways.items():
            if turn >= SCRIPT_REPEAT and key[1] in SCRIPTS:
                continue
            sample = observer.sample(way)
            observer.front.move(way.floating_ip, elsewhere)
            if turn != warming:
                samples[key].append(sample)
        rig.progress(f"claim: {turn + 1} of {events}")
    return samples


def figures(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the figures of one way at one round-trip time, in milliseconds."""
    before = [sample.calls_before for sample in samples]
    return {
        **summary([sample.ms for sample in samples]),
        "samples": [round(sample.ms, 3) for sample in samples],
        "assign_was_first_call": before.count(0),
        "calls_before_assign": statistics.median(before),
        "warm_connection": sum(sample.warm for sample in samples),
    }


HEAD = (
    *("round trip ms", "who assigns", "median ms", "p99 ms", "median - raw, ms", "p99 - raw, ms"),
    *("÷ raw", "÷ hakeeper", "calls before the assign", "events"),
)


def tables(measured: Mapping[str, Any]) -> str:
    """Return the table, and a sentence on what hakeeper did."""
    rows = [_row(str(rtt), way, measured["ways"]) for rtt in measured["rtts_ms"] for way in WAYS]
    hakeeper = measured["ways"][HAKEEPER].values()
    count = sum(each["count"] for each in hakeeper)
    first = sum(each["assign_was_first_call"] for each in hakeeper)
    warm = sum(each["warm_connection"] for each in hakeeper)
    return (
        f"{markdown(HEAD, rows)}\n"
        f"hakeeper's assign was the first API call after the event in {first} of {count} events, "
        f"and came over a connection used before in {warm}. The relay's and the cloud's own "
        f"work is in every figure alike: without FIFO the raw request took {_own_work(measured)} "
        "ms longer than half the round trip (medians, in this order).\n"
    )


def _own_work(measured: Mapping[str, Any]) -> str:
    bare = measured["ways"][BARE]
    return ", ".join(ms(bare[str(rtt)]["median"] - rtt / 2) for rtt in measured["rtts_ms"])


def _row(rtt: str, way: str, ways: Mapping[str, Any]) -> list[str]:
    own, raw, hakeeper = (ways[name][rtt] for name in (way, FLOOR, HAKEEPER))
    return [
        rtt,
        way,
        ms(own["median"]),
        ms(own["p99"]),
        ms(own["median"] - raw["median"]),
        ms(own["p99"] - raw["p99"]),
        times(own["median"] / raw["median"]),
        times(own["median"] / hakeeper["median"]),
        f"{own['calls_before_assign']:g}",
        str(own["count"]),
    ]
