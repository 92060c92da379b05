"""What the documents have an operator type: planned switchovers, a drill, a pause, an upgrade."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import package
from tests.e2e.book import section, typed
from tests.e2e.hands import wait_until_well
from tests.e2e.machine import Machine
from tests.e2e.pair import FLOATING_IP, Pair
from tests.e2e.visitors import visiting
from tests.support.markdown import blocks

pytestmark = [pytest.mark.mixed, pytest.mark.nightly]
WHY = "kernel update"


def pause_of(machine: Machine) -> Any:  # noqa: ANN401  # JSON
    return machine.status()["pause"]


@pytest.mark.cold
def test_step_down_and_drill_lose_no_request(pair: Pair, tmp_path: Path) -> None:
    """Both servers have the address in the system for good, as docs/network.md says."""
    [networkd] = blocks(section("network.md", "The address in the system, for good"), "ini")
    for machine in pair.machines:
        machine.disk.write("/etc/systemd/network/60-floating-ip.network", networkd)
    pair.switch_on()
    pair.settle(pair.a)
    wait_until_well(pair.a)
    pair.begin()

    [longer] = typed("step-down.md", "")
    [drill] = typed("step-down.md", "Drill")
    step_down, step_up, stop = typed("operate.md", "Planned work on a server")
    assert stop == "systemctl stop keepalived", "the way that loses some"
    with visiting(pair, tmp_path) as visits:
        said = pair.a.shell(step_down)
        assert f"Now {FLOATING_IP} on web-b" in said
        assert pair.holder() == "web-b"
        assert pair.a.status()["step_down"]["reason"] == WHY
        assert "another node is MASTER" not in pair.a.shell(longer), "it is, by now"
        assert pair.a.status()["step_down"]["left_s"] > 29 * 60
        pair.a.shell(step_up)
        pair.settle(pair.a)
        wait_until_well(pair.a)

        said = pair.a.shell(drill)
        phases = re.findall(r"^ +\d+\.\d\d s  (.*)$", said, re.MULTILINE)
        assert phases == [
            "another node is MASTER",
            "it has all addresses",
            "this node is MASTER",
            "it has all addresses",
        ]
        pair.settle(pair.a)
        seen = visits.end()

    assert pair.moves() == ["web-b", "web-a"] * 2
    assert seen["lost"] == []
    assert seen["asked"] > 1000


def test_a_pause_outlives_a_restart_and_ends_when_told(pair: Pair) -> None:
    pause, resume = typed("operate.md", "Pause hakeeper for maintenance")
    for machine in pair.machines:
        assert machine.shell(pause).startswith("paused until ")
    mark = time.time()
    pair.b.systemctl("restart", "hakeeper")
    pair.b.wait_for_event("daemon.started", mark)
    assert pause_of(pair.b)["reason"] == WHY

    pair.a.systemctl("stop", "keepalived")
    pair.wait_for_master(pair.b)
    pair.b.wait_for_event("claim.paused", mark)
    assert pair.moves() == []
    pair.b.shell(resume)
    pair.settle(pair.b)
    assert pause_of(pair.b) is None
    assert pair.moves() == ["web-b"]

    pair.a.systemctl("start", "keepalived")
    pair.wait_for_master(pair.a)
    pair.a.wait_for_event("claim.paused", mark)
    assert pair.moves() == ["web-b"]
    pair.a.shell(resume)
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"]


def test_upgrade_and_roll_back_by_the_book_move_no_address(pair: Pair, tmp_path: Path) -> None:
    old = package.find()
    new, version = package.newer(old, tmp_path)
    for machine in pair.machines:
        for deb in (old, new):
            machine.write(f"/root/{deb.name}", deb.read_bytes())
    for heading, is_new in (("Upgrade", True), ("Roll back", False)):
        for machine in (pair.b, pair.a):
            carry_out(machine, typed("upgrade.md", heading), old, new)
            assert is_new is (version in machine.run("hakeeper", "version"))
            pair.settle(pair.a)
    assert pair.moves() == []
    assert pair.writes() == []


def carry_out(machine: Machine, commands: list[str], old: Path, new: Path) -> None:
    """Type them; after a restart of the service the status is OK in a while."""
    for command in commands:
        line = command.replace("hakeeper_NEW_all.deb", new.name)
        line = line.replace("hakeeper_OLD_all.deb", old.name)
        if line == "hakeeper status":
            wait_until_well(machine)
        machine.shell(f"cd /root; {line}", given="y\n")
