"""The judges of the bench can fail."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from hakeeper.core.calls import ReadActions
from hakeeper.core.keepalived import listener
from hakeeper.core.roles.lines import BadLine, LineReader, LineState, NotifyLine
from hakeeper.core.state import Inflight
from tests.bench import failover, flap, leaks, packaged, procfs, storm
from tests.core.driver import chance
from tests.support.resources import CLOUD


def test_a_window_counts_what_is_in_it_and_not_what_is_at_its_end() -> None:
    assert flap.most_within([], 1.0) == 0
    assert flap.most_within([5.0], 1.0) == 1
    assert flap.most_within([0.0, 1.0, 2.0], 1.0) == 1
    assert flap.most_within([2.0, 0.0, 1.0, 1.9, 1.95], 1.0) == 3


def test_a_histogram_has_every_value_in_one_bar() -> None:
    drawn = failover.histogram([1.0, 1.0, 2.0, 5.0], bars=4)

    assert [line.split()[-1] for line in drawn.splitlines()] == ["2", "1", "0", "1"]
    assert "2" in failover.histogram([3.0, 3.0], bars=2)


def days(life: leaks.Life, count: int) -> None:
    for _ in range(count):
        life.live()


def test_days_leave_nothing_behind_once_the_names_are_reported() -> None:
    life = leaks.Life()
    days(life, 70)
    early = leaks.look(life)
    days(life, 20)
    late = leaks.look(life)

    assert {} == leaks.grown(early, late)
    assert life.wrong == 0
    assert life.failovers == 4 * 90


def test_a_leak_in_the_core_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a bound of the core away: then every day leaves the name of that day behind."""
    monkeypatch.setattr(listener, "NAMES_REPORTED", 1_000_000)
    life = leaks.Life()
    days(life, 70)
    early = leaks.look(life)
    days(life, 10)
    late = leaks.look(life)

    grown = leaks.grown(early, late)
    # Each name that is told has its place in the throttle, too.
    assert {".listener.names_reported", ".throttle.buckets", ".throttle.buckets[]"} == set(grown)
    assert (140, 160) == grown[".listener.names_reported"]
    assert late["keepers_kib"] > early["keepers_kib"]


def test_what_is_held_is_counted_by_the_way_to_it() -> None:
    life = leaks.Life()
    state = life.nodes[0].core.state
    state.calls.clear()
    before = leaks.held(life.nodes[0].core)
    api = state.apis.apis[CLOUD]
    for number in range(5):
        state.calls[number] = Inflight(ReadActions(CLOUD, (number, 2, 3)), api, 0.0)
    after = leaks.held(life.nodes[0].core)

    assert before.entries[".state.calls"] == 0
    assert after.entries[".state.calls"] == 5
    assert after.entries[".state.calls[].request.action_ids"] == 15
    assert after.size_bytes > before.size_bytes


def test_the_storm_is_of_lines_that_are_read() -> None:
    made = storm.lines(chance(3), 2000)
    read = LineReader().feed(b"".join(made))

    assert len(read) == 2000
    assert sum(isinstance(line, BadLine) for line in read) == 20
    assert sum(isinstance(line, NotifyLine) for line in read) > 1800
    masters = [
        line
        for line in read
        if isinstance(line, NotifyLine)
        and (line.vrrp.name, line.state) == ("VI_5", LineState.MASTER)
    ]
    assert [] == masters
    last = LineReader().feed(storm.last_lines())[-1]
    assert isinstance(last, NotifyLine)
    assert (last.vrrp.name, last.state.value) == ("VI_5", "MASTER")


def test_work_and_sleep_are_told_apart() -> None:
    me = os.getpid()
    before = procfs.usage(me)
    time.sleep(0.01)
    slept = procfs.usage(me)
    until_s = time.process_time() + 0.05
    while time.process_time() < until_s:
        pass
    worked = procfs.usage(me)

    assert slept.waking > before.waking
    assert worked.running_s - slept.running_s >= 0.04
    assert procfs.memory(me).peak >= procfs.memory(me).rss - 1024


def test_the_package_s_layout_runs_without_what_only_the_tests_have(tmp_path: Path) -> None:
    launcher = packaged.lay_out(tmp_path)

    said = subprocess.run([launcher, "version"], capture_output=True, text=True, check=True).stdout
    assert "hcloud" in said
    assert {"hakeeper", "hcloud", "structlog"} <= {p.name for p in (tmp_path / "lib").iterdir()}
    assert not (tmp_path / "lib" / "rich").exists()
    assert list((tmp_path / "lib" / "hakeeper" / "core" / "__pycache__").glob("*.pyc"))
