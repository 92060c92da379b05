"""What the simulator's log must not show, whenever and wherever a daemon was killed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from hakeeper.demo.cloud import CloudFront, HolderChange, LoggedRequest

OK = 200
STORM = "MASTER or BACKUP"
"""What is said from the first line of a storm to the last: a reader may find either at the end."""

BEGUN_BEFORE_S = 0.2
"""A read is begun so long before the cloud receives it, at most."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line that keepalived's stand-in has written, or tried to."""

    at_s: float
    """When it was in the pipe."""
    state: str
    serial: int
    """Stands in the place of the priority, to know it again."""


@dataclass(slots=True)
class LifeRecord:
    """One daemon, from its birth to its death."""

    client: str
    """Each has a token of its own, so that the simulator tells them apart."""
    trace: Path
    born_s: float
    boundary: str
    killed_at: str = ""
    """The boundary at which it killed itself."""

    def notes(self) -> list[tuple[float, str, str]]:
        """Read what it noted: when, which word, of what."""
        if not self.trace.exists():
            return []
        found = (line.split(" ", 2) for line in self.trace.read_text().splitlines())
        return [(float(at), word, what) for at, word, what in found]


@dataclass(slots=True)
class Verdict:
    """What was found."""

    forbidden: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    in_flight: int = 0
    """Assigns that were sent before the line that forbade them was acted upon."""


@dataclass(slots=True)
class Judge:
    """Holds the simulator's log against what was said."""

    cloud: CloudFront
    floating_ip: int
    server: int
    said: Sequence[Said]
    lives: Sequence[LifeRecord]

    def verdict(self) -> Verdict:
        """Look at every assign."""
        verdict = Verdict()
        requests = self.cloud.requests()
        changes = self.cloud.holder_changes(self.floating_ip)
        lives = {life.client: life for life in self.lives}
        for assign in requests:
            if not assign.is_assign:
                continue
            life = lives[assign.client]
            sent_s = _sent_s(life, assign)
            story = f"assign {assign.seq} at {assign.received_s:.3f} by {life.client}"
            tail = self._tail(assign.received_s)
            if tail:
                if self._could_know(life, tail, sent_s):
                    what = f"{story} although {tail[-1].state} was said"
                    verdict.forbidden.append(what + self._account(life, assign, requests, changes))
                else:
                    verdict.in_flight += 1
            reads = [request for request in requests if request.client == life.client]
            read = _last_read(reads, _learned_s(life, sent_s))
            since_s = life.born_s if read is None else read.received_s
            # A read of before a demotion shows nothing: another node was told to take it.
            demoted = _was_demoted(life, since_s - BEGUN_BEFORE_S, assign.received_s)
            if not demoted and self._ours_throughout(changes, since_s, assign.received_s):
                what = f"{story} although it was ours since {since_s:.3f}"
                verdict.needless.append(what + self._account(life, assign, requests, changes))
        return verdict

    def _account(
        self,
        life: LifeRecord,
        assign: LoggedRequest,
        requests: Sequence[LoggedRequest],
        changes: Sequence[HolderChange],
    ) -> str:
        """Tell what had happened in that life until then, in the order of time."""
        told = [(life.born_s, "born")]
        told += [(said.at_s, f"said: {said.state} {said.serial}") for said in self.said]
        told += [(change.at_s, f"holder: {change.new} by {change.cause}") for change in changes]
        told += [(at_s, f"daemon: {word} {what}") for at_s, word, what in life.notes()]
        for request in requests:
            name = f"{request.seq} {request.method} {request.path} of {request.client}"
            told.append((request.received_s, f"received: {name}"))
            if request.answered_s is not None:
                told.append((request.answered_s, f"answered: {name}: {request.status}"))
        span = (life.born_s - 0.5, assign.received_s + 0.1)
        lines = [f"\n  {at_s:.4f} {what}" for at_s, what in sorted(told)]
        return "".join(
            line
            for line, (at_s, _) in zip(lines, sorted(told), strict=True)
            if span[0] <= at_s <= span[1]
        )

    def _tail(self, at_s: float) -> list[Said]:
        """Return the lines since MASTER was last said, if it is not the last itself."""
        tail: list[Said] = []
        for said in reversed([each for each in self.said if each.at_s <= at_s]):
            if said.state in {"MASTER", STORM}:
                return tail
            tail.insert(0, said)
        return tail or [Said(0.0, "nothing", -1)]

    @staticmethod
    def _could_know(life: LifeRecord, tail: Iterable[Said], sent_s: float) -> bool:
        serials = {str(said.serial) for said in tail}
        heard = any(
            word == "fed" and what in serials and at_s < sent_s for at_s, word, what in life.notes()
        )
        return heard or any(said.at_s < life.born_s for said in tail)

    def _ours_throughout(self, changes: Sequence[HolderChange], from_s: float, to_s: float) -> bool:
        spans = [(change.new, change.at_s, after.at_s) for change, after in pairwise(changes)]
        if changes:
            spans.append((changes[-1].new, changes[-1].at_s, float("inf")))
        return any(
            holder == self.server and begin_s < from_s and to_s < end_s
            for holder, begin_s, end_s in spans
        )


def _was_demoted(life: LifeRecord, from_s: float, to_s: float) -> bool:
    """Say whether this daemon heard in that time that it is not MASTER, be it for a moment."""
    return any(word == "demoted" and from_s <= at_s <= to_s for at_s, word, _ in life.notes())


def _sent_s(life: LifeRecord, assign: LoggedRequest) -> float:
    """Return when its first byte was permitted: the last time before it came in."""
    permitted = [float(what) for _, word, what in life.notes() if word == "permit"]
    return max((at_s for at_s in permitted if at_s <= assign.received_s), default=0.0)


def _learned_s(life: LifeRecord, before_s: float) -> float:
    """Return when it took in the last answer about holders before that, if it took in any."""
    learned = (at_s for at_s, word, _ in life.notes() if word == "learned" and at_s < before_s)
    return max(learned, default=0.0)


def _last_read(requests: Iterable[LoggedRequest], before_s: float) -> LoggedRequest | None:
    """Return the last reading of holders whose answer had come by then."""
    reads = [
        request
        for request in requests
        if request.method == "GET"
        and "/floating_ips" in request.path
        and request.status == OK
        and request.answered_s is not None
        and request.answered_s < before_s
    ]
    return max(reads, key=lambda request: request.received_s, default=None)


def complaints(log: Path) -> list[str]:
    """Return what the daemon itself says is wrong with its files or with it."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            found.append(f"not a log entry: {line[:200]}")
            continue
        if entry.get("event") in {
            "state.failed",
            "control.failed",
            "control.recovered",
            "watch.failed",
            "notify.failed",
            "daemon.failed",
        }:
            found.append(f"{entry['event']}: {entry.get('message')}")
    return found
