"""One turn of the loop, with the API's place taken by a list: what comes first."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from hakeeper.adapters.freshness import boottime_s
from hakeeper.adapters.hetzner import HetznerPool
from hakeeper.adapters.journal import Reporter, Target
from hakeeper.adapters.sd_notify import Notifier
from hakeeper.adapters.signals import Signals
from hakeeper.config import Config, parse
from hakeeper.core.calls import (
    Answer,
    Assign,
    CallResult,
    FloatingIpRead,
    FloatingIpsListed,
    Identified,
    Identify,
    ListFloatingIps,
    ReadFloatingIp,
    Request,
)
from hakeeper.core.events import StartCall
from hakeeper.core.model import ByNetwork, FloatingIp, Server
from hakeeper.daemon import EARLY_S, Daemon, Folders
from hakeeper.loading import Loader

CONFIG = """
instances: {VI_1: {floating_ips: [203.0.113.10]}}
keepalived: {fifo: %s/fifo, pid_file: %s/keepalived.pid, state: none}
"""


class Calls:
    """Stands where the pool stands: calls are noted, and answered by the test."""

    def __init__(self) -> None:
        self.started: list[StartCall] = []
        self.left = 0
        """How many of them had been started when the loop last let them leave."""
        self.deliver: Callable[[CallResult], None] = lambda _: None

    def start(self, call: StartCall, decided_at_s: float) -> None:
        assert 0.0 < decided_at_s <= boottime_s()
        self.started.append(call)

    def let_leave(self, limit_s: float) -> None:
        """Nothing here is ever sent."""
        assert 0.0 < limit_s < 0.1
        self.left = len(self.started)

    def cancel(self, call_id: int) -> None:
        """Nothing here was ever sent."""

    def close(self) -> None:
        """There is nothing to close."""

    def answer(self, kind: type[Request], answer: Answer) -> None:
        call = next(call for call in self.started if isinstance(call.request, kind))
        self.deliver(
            CallResult(call_id=call.call_id, outcome=answer, sent_at_s=0.0, finished_at_s=0.0)
        )


class CallsLoader(Loader):
    """A loader that makes no pool of threads."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def make_pool(
        self,
        config: Config,
        deliver: Callable[[CallResult], None],
        objection: Callable[[float], str | None],
    ) -> HetznerPool:
        del config, objection
        self._calls.deliver = deliver
        return cast("HetznerPool", self._calls)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def daemon(tmp_path: Path, calls: Calls) -> Iterator[Daemon]:
    os.mkfifo(tmp_path / "fifo", 0o600)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    signals = Signals()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    reporter = Reporter(Target.JSON, redact=str, fd=nowhere)
    made = Daemon(
        parse(CONFIG % (tmp_path, tmp_path), "test.yaml"),
        CallsLoader(calls),
        folders=Folders(control_socket=tmp_path / "c.sock", state_file=tmp_path / "state.json"),
        reporter=reporter,
        notifier=Notifier(redact=str, on_error=pytest.fail),
        signals=signals,
    )
    yield made
    made._end()
    reporter.close()
    signals.close()
    os.close(nowhere)
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)  # `close` blocks them


def test_a_demotion_that_waits_comes_before_an_answer_that_would_lead_to_an_assign(
    daemon: Daemon, calls: Calls, tmp_path: Path
) -> None:
    fifo = os.open(tmp_path / "fifo", os.O_RDWR)
    os.write(fifo, b'INSTANCE "VI_1" MASTER 100\n')
    daemon._begin()
    calls.answer(Identify, Identified(Server(id=1, name="a", status="running"), "test"))
    daemon._turn()
    ref = next(ref for refs in daemon._config.addresses.values() for ref in refs)
    assert isinstance(ref, ByNetwork)
    elsewhere = FloatingIp(id=7, name="web", network=ref.network, server_id=2)
    calls.answer(ListFloatingIps, FloatingIpsListed((elsewhere,)))
    daemon._turn()
    calls.answer(ReadFloatingIp, FloatingIpRead(elsewhere))  # begun after the role was known
    os.write(fifo, b'INSTANCE "VI_1" BACKUP 100\n')
    daemon._turn()
    os.close(fifo)

    assert [] == [call for call in calls.started if isinstance(call.request, Assign)]


def master_with_an_address_elsewhere(daemon: Daemon, calls: Calls, fifo: int) -> None:
    """Bring the daemon to where a MASTER line leads to an assign at once."""
    os.write(fifo, b'INSTANCE "VI_1" BACKUP 100\n')
    daemon._begin()
    calls.answer(Identify, Identified(Server(id=1, name="a", status="running"), "test"))
    daemon._turn()
    ref = next(ref for refs in daemon._config.addresses.values() for ref in refs)
    assert isinstance(ref, ByNetwork)
    elsewhere = FloatingIp(id=7, name="web", network=ref.network, server_id=2)
    calls.answer(ListFloatingIps, FloatingIpsListed((elsewhere,)))
    daemon._turn()
    os.write(fifo, b'INSTANCE "VI_1" MASTER 100\n')


def test_assigns_leave_before_the_disk_and_the_journal_are_asked_for_anything(
    daemon: Daemon, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = os.open(daemon._config.keepalived.fifo, os.O_RDWR)
    master_with_an_address_elsewhere(daemon, calls, fifo)
    left_before: dict[str, int] = {}
    save, report = daemon._state_file.save, daemon._reporter.report
    with monkeypatch.context() as patch:
        patch.setattr(
            daemon._state_file,
            "save",
            lambda state: (left_before.setdefault("save", calls.left), save(state)),
        )
        patch.setattr(
            daemon._reporter,
            "report",
            lambda told: (left_before.setdefault("report", calls.left), report(told)),
        )
        daemon._turn()
    os.close(fifo)
    assert isinstance(calls.started[-1].request, Assign)
    assert {"save": len(calls.started), "report": len(calls.started)} == left_before


def test_a_wake_up_for_the_core_also_serves_all_other_sources(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon._begin()
    daemon._turn()
    looks: list[float] = []
    monkeypatch.setattr(daemon._sequencer, "look", lambda: looks.append(time.monotonic()))
    for ahead_s, expected in ((60.0, 0), (EARLY_S, 1)):
        daemon._sequencer.look_at_s = time.monotonic() + ahead_s
        monkeypatch.setattr(daemon._core, "next_at", time.monotonic)
        daemon._turn()
        assert expected == len(looks)
    assert daemon._sequencer.look_at_s > time.monotonic()
