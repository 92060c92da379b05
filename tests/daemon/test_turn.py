"""One turn of the loop, with the API's place taken by a list: what comes first."""

import os
import time
from pathlib import Path

import pytest

from hakeeper.core.calls import (
    Identified,
    Identify,
    Mutate,
    ReadAll,
)
from hakeeper.core.model import Server
from hakeeper.daemon import EARLY_S, Daemon
from tests.support.daemon_without_api import Calls, calls, daemon
from tests.support.resources import floating_ip, listed

__all__ = ["calls", "daemon"]  # fixtures


def test_a_demotion_that_waits_comes_before_an_answer_that_would_lead_to_an_assign(
    daemon: Daemon, calls: Calls, tmp_path: Path
) -> None:
    fifo = os.open(tmp_path / "fifo", os.O_RDWR)
    os.write(fifo, b'INSTANCE "VI_1" MASTER 100\n')
    daemon._begin()
    calls.answer(Identify, Identified(Server(id=1, name="a", status="running"), "test"))
    daemon._turn()
    ref = next(ref for refs in daemon._adapters.config.resources.values() for ref in refs)
    assert ref.network is not None
    elsewhere = floating_ip(id=7, name="web", network=ref.network, server_id=2)
    calls.answer(ReadAll, listed((elsewhere,)))  # begun as MASTER
    os.write(fifo, b'INSTANCE "VI_1" BACKUP 100\n')
    daemon._turn()
    os.close(fifo)

    assert [] == [call for call in calls.started if isinstance(call.request, Mutate)]


def master_with_an_address_elsewhere(daemon: Daemon, calls: Calls, fifo: int) -> None:
    """Bring the daemon to where a MASTER line leads to an assign at once."""
    os.write(fifo, b'INSTANCE "VI_1" BACKUP 100\n')
    daemon._begin()
    calls.answer(Identify, Identified(Server(id=1, name="a", status="running"), "test"))
    daemon._turn()
    ref = next(ref for refs in daemon._adapters.config.resources.values() for ref in refs)
    assert ref.network is not None
    elsewhere = floating_ip(id=7, name="web", network=ref.network, server_id=2)
    calls.answer(ReadAll, listed((elsewhere,)))
    daemon._turn()
    os.write(fifo, b'INSTANCE "VI_1" MASTER 100\n')


def test_assigns_leave_before_disk_journal_and_hooks_are_asked_for_anything(
    daemon: Daemon, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = os.open(daemon._adapters.config.keepalived.fifo, os.O_RDWR)
    master_with_an_address_elsewhere(daemon, calls, fifo)
    left_before: dict[str, int] = {}
    save, report, tell = daemon._state_file.save, daemon._reporter.report, daemon._hooks.tell
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
        patch.setattr(
            daemon._hooks,
            "tell",
            lambda told: (left_before.setdefault("hooks", calls.left), tell(told)),
        )
        daemon._turn()
    os.close(fifo)
    assert isinstance(calls.started[-1].request, Mutate)
    assert left_before == dict.fromkeys(("save", "report", "hooks"), len(calls.started))


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
