"""The last look before an assign's first byte: how old is it, who stood still, which lines wait."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.fifo import NotifyFifo
from hakeeper.adapters.last_check import LATE_S, STILL_S, LastCheck, boottime_s
from hakeeper.core.calls import Failure, FailureKind, MutationAccepted
from hakeeper.core.events import StartCall
from tests.support.hetzner_bodies import IP, ME, action_json, floating_ip_json
from tests.support.http_server import Peer, RawServer, Seen, http
from tests.support.pool_bench import Bench
from tests.support.resources import assign, read

LINE = b'INSTANCE "VI_1" BACKUP 100\n'
LATE = 2 * LATE_S
STILL = 2 * STILL_S


class Scene:
    """A FIFO, somebody who writes to it, a clock, and the last look."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path, 0o600)
        self.fifo = NotifyFifo(str(path))
        self.fifo.look()
        self.writer = os.open(path, os.O_RDWR)
        self.now = 100.0
        self.look = LastCheck(self.fifo, lambda: self.now)

    def decide(self) -> float:
        """Begin a turn, and return the time of what is decided in it."""
        self.look.turn()
        return self.look.turned_at_s

    def later(self, seconds: float, *, line: bool = False) -> None:
        """Let time pass, in which a line may come."""
        self.now += seconds
        if line:
            os.write(self.writer, LINE)

    def close(self) -> None:
        os.close(self.writer)
        self.fifo.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "fifo")
    yield made
    made.close()


def test_an_immediate_call_is_not_delayed_by_the_lines_that_caused_it(scene: Scene) -> None:
    scene.later(0.0, line=True)
    decided_at_s = scene.decide()
    scene.later(LATE_S / 2, line=True)
    assert scene.look.objection(decided_at_s) is None


def test_later_lines_are_handled_first_and_completely(scene: Scene) -> None:
    decided_at_s = scene.decide()
    scene.later(LATE)
    assert scene.look.objection(decided_at_s) is None
    scene.later(0.0, line=True)
    assert "wrote lines" in str(scene.look.objection(decided_at_s))
    scene.decide()
    scene.fifo.drain()  # read, but not acted upon: a demotion among them has cancelled nothing yet
    assert "wrote lines" in str(scene.look.objection(decided_at_s))
    scene.fifo.settle()
    assert scene.look.objection(decided_at_s) is None


def test_in_the_turn_of_the_decision_only_unread_lines_count(scene: Scene) -> None:
    scene.later(0.0, line=True)
    decided_at_s = scene.decide()
    scene.fifo.drain()
    scene.later(LATE)
    assert scene.look.objection(decided_at_s) is None
    scene.later(0.0, line=True)
    assert "wrote lines" in str(scene.look.objection(decided_at_s))


def test_a_line_is_not_missed_while_those_before_it_are_taken_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.later(0.0, line=True)
    decided_at_s = scene.decide()
    scene.fifo.drain()
    scene.later(LATE, line=True)
    objections: list[str | None] = []
    read = os.read

    def while_reading(fd: int, size: int) -> bytes:
        data = read(fd, size)
        objections.append(scene.look.objection(decided_at_s))
        return data

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", while_reading)
        scene.fifo.settle()
    assert objections
    assert None not in objections


def test_after_a_standstill_nothing_older_is_sent_though_no_line_came(scene: Scene) -> None:
    decided_at_s = scene.decide()
    scene.later(STILL)
    assert "was suspended" in str(scene.look.objection(decided_at_s))
    again_at_s = scene.decide()
    assert "was suspended" in str(scene.look.objection(decided_at_s))
    scene.later(LATE)
    assert scene.look.objection(again_at_s) is None


def test_a_loop_that_turns_is_no_standstill_however_long_a_handshake_takes(scene: Scene) -> None:
    decided_at_s = scene.decide()
    for _ in range(5):
        scene.later(STILL_S * 0.9)
        scene.decide()
    assert scene.look.objection(decided_at_s) is None


class Closed:
    """A FIFO that the loop closes at this moment."""

    def has_news(self) -> bool:
        raise OSError(errno.EBADF, "closed")

    has_waiting = has_news


@pytest.mark.parametrize("turns", [0, 1])
def test_a_fifo_that_is_closed_at_that_moment_is_looked_at_again(scene: Scene, turns: int) -> None:
    decided_at_s = scene.decide()
    scene.later(LATE)
    for _ in range(turns):
        scene.decide()
    scene.look._lines = Closed()
    assert "wrote lines" in str(scene.look.objection(decided_at_s))


def test_lines_that_the_loop_reads_while_it_is_asked_are_not_missed(scene: Scene) -> None:
    """Both threads wake together: the loop's turn begins, and takes the line, during the check."""

    class Taken:
        def has_news(self) -> bool:
            scene.look.turn()  # and the line is drained, not yet acted upon
            return False

        def has_waiting(self) -> bool:
            return True

    decided_at_s = scene.decide()
    scene.later(LATE)
    scene.look._lines = Taken()
    assert "wrote lines" in str(scene.look.objection(decided_at_s))


def test_the_clock_goes_on_while_the_machine_is_suspended() -> None:
    first_s = boottime_s()
    assert first_s <= boottime_s()
    assert first_s > 0.0


# --- in the pool ---------------------------------------------------------------------------------


def answer(_peer: Peer, seen: Seen) -> bytes:
    if seen.method == "POST":
        return http(201, {"action": action_json()})
    return http(200, {"floating_ip": floating_ip_json()})


class Bound(Bench):
    """A pool that is asked to send only what was decided from a time on."""

    from_s = 0.0

    def __init__(self, url: str) -> None:
        super().__init__(url, workers=1)
        self.asked: list[float] = []
        self.pool._objection = self.objection

    def objection(self, decided_at_s: float) -> str | None:
        self.asked.append(decided_at_s)
        return "too old" if decided_at_s < self.from_s else None


def test_an_outdated_call_is_not_sent_and_its_connection_is_reused() -> None:
    with RawServer(answer) as server, Bound(server.url) as made:
        made.from_s = 7.0
        made._last_id = 2
        made.pool.start(StartCall(1, assign(IP, ME), 20, urgent=True), 6.0)
        old = made.result(1)
        assert isinstance(old.outcome, Failure)
        assert (old.outcome.kind, old.outcome.code) == (FailureKind.CANCELLED, "outdated")
        assert old.outcome.message == "too old"
        assert old.sent_at_s is None
        made.pool.start(StartCall(2, assign(IP, ME), 20, urgent=True), 7.0)
        assert isinstance(made.result(2).outcome, MutationAccepted)
        assert (server.accepted, len(server.posts)) == (1, 1)
        assert [6.0, 7.0] == made.asked


def test_a_read_changes_nothing_and_is_sent_however_old_it_is() -> None:
    with RawServer(answer) as server, Bound(server.url) as made:
        made.from_s = 7.0
        made.call(read(IP))
        assert [] == made.asked
        assert len(server.seen) == 1
