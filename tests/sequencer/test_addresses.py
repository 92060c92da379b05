"""When the loop looks whether keepalived can hear; the fakes are those of the loop's order."""

import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from hakeeper.adapters import local_addresses
from hakeeper.config import parse
from hakeeper.configured_adapters import Prepared
from hakeeper.core.calls import (
    Identified,
    Identify,
    Mutate,
    OneRead,
    ReadAll,
    ReadOne,
    Request,
)
from hakeeper.core.events import Drained, Effect, Event, Started, VrrpAddressesSeen
from hakeeper.core.model import Server
from hakeeper.daemon import Daemon
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.sequencer import LOOK_S
from tests.sequencer.test_order import BAD, MASTER, OPENED, PROCESS, Scene, before, read
from tests.support.daemon_without_api import CONFIG, Calls, daemon
from tests.support.resources import assign, floating_ip, listed

__all__ = ["daemon"]  # the fixture of the daemon's turn

OURS, OTHER = "10.0.0.2", "10.0.0.3"
HERE, GONE = VrrpAddressesSeen((ipaddress.ip_address(OURS),)), VrrpAddressesSeen(())
LOOK = "look at the addresses"


class FakeAddresses:
    """The addresses of this machine: what each `look` notices."""

    def __init__(self, diary: list[object]) -> None:
        self.diary = diary
        self.changes: list[VrrpAddressesSeen | None] = []

    def look(self) -> VrrpAddressesSeen | None:
        self.diary.append(LOOK)
        return self.changes.pop(0) if self.changes else None


def checked(*changes: VrrpAddressesSeen | None) -> Scene:
    scene = Scene()
    fake = FakeAddresses(scene.diary)
    fake.changes.extend(changes)
    scene.sequencer.addresses = fake
    return scene


def test_the_addresses_are_looked_at_before_the_lines_that_waited_at_the_start() -> None:
    scene = checked(HERE)
    scene.fifo.changes = [OPENED]
    scene.fifo.waiting = [Drained((MASTER,))]
    scene.sequencer.begin(None)
    started = Started(saved=None, keepalived=PROCESS)
    assert [(started, HERE, OPENED, read(MASTER, live=False))] == scene.batches()


def test_an_address_that_was_lost_is_reported_before_the_lines_of_the_same_turn() -> None:
    scene = checked(GONE)
    scene.fifo.waiting = [Drained((MASTER,))]
    scene.sequencer.hear()
    assert [(GONE, read(MASTER))] == scene.batches()
    assert before(scene.diary, "drain", LOOK)  # a line that comes after the look waits


def test_without_a_line_the_look_can_wait() -> None:
    scene = checked(GONE)
    scene.fifo.waiting = [Drained((), (BAD,), 1)]
    scene.sequencer.hear()
    assert LOOK not in scene.diary


def test_the_addresses_are_looked_at_each_second_before_anything_else() -> None:
    scene = checked(HERE, GONE)
    scene.begin()
    scene.turn()
    assert [] == scene.diary
    scene.now += LOOK_S
    scene.fifo.changes = [OPENED]
    scene.turn()
    assert [LOOK, "look at the FIFO"] == scene.diary[:2]
    assert [(GONE, OPENED)] == scene.batches()


def test_what_is_no_news_is_not_told() -> None:
    scene = checked(None)
    scene.sequencer.look_at_addresses()
    assert LOOK in scene.diary
    assert [] == scene.batches()


# --- and the daemon does it ----------------------------------------------------------------------


class ReloadableCalls(Calls):
    """Stands where the pool stands, also at a reload; notes what nobody wants any more."""

    def keep_warm(self, count: int) -> None:
        """There are no connections."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled: list[type[Request]] = []

    def cancel(self, call_id: int) -> None:
        call = next(call for call in self.started if call.call_id == call_id)
        self.cancelled.append(type(call.request))

    def reload_secret(self) -> None:
        """There is no secret."""


@pytest.fixture
def calls() -> ReloadableCalls:
    return ReloadableCalls()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The addresses of this machine, as the daemon is made to believe."""
    present: set[str] = set()
    monkeypatch.setattr(local_addresses, "_is_ours", present.__contains__)
    return present


def reload(daemon: Daemon, folder: Path, *wanted: str) -> None:
    """Take over a configuration that names these private addresses."""
    text = (CONFIG % (folder, folder)).replace("]}", f"], vrrp_address: [{', '.join(wanted)}]}}")
    config = parse(text if wanted else CONFIG % (folder, folder), "test.yaml")
    daemon._reloader.adopt(Prepared(config, daemon._adapters.bus))


def missing(daemon: Daemon) -> tuple[str, ...]:
    [role] = snapshot_of(daemon._core, 0.0).roles
    return role.vrrp_missing


def become_master(daemon: Daemon, calls: Calls, folder: Path) -> None:
    """Hear MASTER, know who we are, and that another server has the address."""
    fifo = os.open(folder / "fifo", os.O_RDWR)
    os.write(fifo, b'INSTANCE "VI_1" MASTER 100\n')
    daemon._sequencer.hear()
    os.close(fifo)
    calls.answer(Identify, Identified(Server(id=1, name="a", status="running"), "test"))
    [[ref]] = daemon._adapters.config.resources.values()
    assert ref.network is not None
    elsewhere = floating_ip(id=7, name="web", network=ref.network, server_id=2)
    calls.answer(ReadAll, listed((elsewhere,)))
    daemon._take_inbox()
    if any(isinstance(call.request, ReadOne) for call in calls.started):
        calls.answer(ReadOne, OneRead(elsewhere))
        daemon._take_inbox()


def assigns(calls: Calls) -> list[object]:
    return [call.request for call in calls.started if isinstance(call.request, Mutate)]


def test_a_daemon_sends_no_assign_while_the_address_is_missing(
    daemon: Daemon, calls: Calls, here: set[str], tmp_path: Path
) -> None:
    daemon._begin()
    here.add(OURS)
    reload(daemon, tmp_path, OURS)
    here.clear()  # and the once-a-second look has not been yet
    become_master(daemon, calls, tmp_path)
    assert (OURS,) == missing(daemon)
    assert [] == assigns(calls)


def test_a_daemon_whose_address_is_here_claims_as_ever(
    daemon: Daemon, calls: Calls, here: set[str], tmp_path: Path
) -> None:
    daemon._begin()
    here.add(OURS)
    reload(daemon, tmp_path, OURS)
    become_master(daemon, calls, tmp_path)
    assert [assign(7, 1)] == assigns(calls)


def test_a_reload_takes_no_address_for_missing_that_is_here(
    daemon: Daemon, here: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []
    handle = daemon._core.handle

    def noted(events: Iterable[Event], now: float) -> tuple[Effect, ...]:
        effects = handle(events, now)
        told.append(missing(daemon))
        return effects

    daemon._begin()
    here.update((OURS, OTHER))
    monkeypatch.setattr(daemon._core, "handle", noted)
    for wanted in ((OURS,), (OTHER,), (OTHER, OURS), (), (OURS,)):
        reload(daemon, tmp_path, *wanted)
        assert wanted == tuple(map(str, daemon._adapters.addresses.wanted))
    assert {()} == set(told)
    here.clear()
    daemon._sequencer.look()
    assert (OURS,) == missing(daemon)


def test_a_reload_that_names_a_missing_address_ends_the_claim(
    daemon: Daemon, calls: ReloadableCalls, here: set[str], tmp_path: Path
) -> None:
    daemon._begin()
    become_master(daemon, calls, tmp_path)
    assert [assign(7, 1)] == assigns(calls)
    reload(daemon, tmp_path, OURS)
    assert set() == here
    assert (OURS,) == missing(daemon)
    assert [Mutate] == calls.cancelled
