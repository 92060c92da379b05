"""What an operator does to the two services, on machines that are at work."""

import time
from pathlib import Path

import pytest

from hakeeper.core.model import Role
from tests.e2e import package
from tests.e2e.pair import Pair

BOTH = pytest.mark.parametrize("name", ["web-a", "web-b"])


@BOTH
@pytest.mark.parametrize("verb", ["restart", "reload"])
def test_hakeeper_restarted_or_reloaded_moves_no_address(pair: Pair, name: str, verb: str) -> None:
    machine = pair.machine(name)
    mark = time.time()
    pid = machine.main_pid("hakeeper")

    machine.systemctl(verb, "hakeeper")
    if verb == "restart":
        machine.wait_for_event("daemon.stopped", mark)
        machine.wait_for_event("daemon.started", mark)
        assert machine.main_pid("hakeeper") != pid
    else:
        machine.wait_for_event("config.reloaded", mark)
        assert machine.main_pid("hakeeper") == pid
    pair.settle(pair.a)

    assert pair.moves() == []
    assert machine.events("claim.started", mark) == []
    assert machine.is_active("hakeeper")


def test_hakeeper_stopped_on_the_master_moves_nothing_and_is_right_when_started(pair: Pair) -> None:
    mark = time.time()

    pair.a.systemctl("stop", "hakeeper")
    pair.a.wait_for_event("daemon.stopped", mark)
    pair.cloud.move(pair.floating_ip, None)  # somebody takes it away meanwhile
    assert pair.moves() == [None]

    pair.a.systemctl("start", "hakeeper")
    pair.settle(pair.a)
    assert pair.moves() == [None, "web-a"]
    pair.a.wait_for_event("address.claimed", mark)


def test_keepalived_stopped_on_the_master(pair: Pair) -> None:
    mark = time.time()

    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    assert pair.moves() == ["web-b"]
    pair.a.wait_for_event("role.changed", mark, where=lambda one: one["HAKEEPER_ROLE"] == "STOPPED")
    pair.a.wait_for_event("keepalived.stopped", mark)
    pair.b.wait_for_event("address.claimed", mark)

    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"]
    pair.a.wait_for_event("keepalived.seen", mark)
    pair.a.wait_for_event("address.claimed", mark)


@BOTH
def test_keepalived_restarted(pair: Pair, name: str) -> None:
    machine = pair.machine(name)
    mark = time.time()

    machine.systemctl("restart", "keepalived")
    machine.wait_for_event("keepalived.seen", mark)
    pair.settle(pair.a)

    assert pair.roles()[pair.b.name] is Role.BACKUP
    machine.wait_for_event(
        "role.changed", mark, where=lambda one: one["HAKEEPER_ROLE"] == "STOPPED"
    )


@BOTH
def test_keepalived_reloaded_moves_no_address(pair: Pair, name: str) -> None:
    machine = pair.machine(name)
    mark = time.time()
    fifo = machine.run("stat", "-c", "%i", "/run/hakeeper/notify.fifo")

    machine.systemctl("reload", "keepalived")
    pair.settle(pair.a)

    assert pair.moves() == []
    assert machine.run("stat", "-c", "%i", "/run/hakeeper/notify.fifo") == fifo
    assert machine.events("claim.started", mark) == []
    # It still hears: a failover after the reload works.
    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    pair.b.wait_for_event("address.claimed", mark)


@BOTH
def test_upgrade_at_work_moves_no_address(pair: Pair, name: str, tmp_path: Path) -> None:
    machine = pair.machine(name)
    deb, version = package.newer(package.find(), tmp_path)
    mark = time.time()
    pid = machine.main_pid("hakeeper")
    config, token = (
        machine.run("sha256sum", f"/etc/hakeeper/{file}") for file in ("hakeeper.yaml", "token")
    )

    machine.write(f"/root/{deb.name}", deb.read_bytes())
    machine.shell(f"apt-get install --yes /root/{deb.name}")
    started = machine.wait_for_event("daemon.started", mark)
    assert version in str(started["MESSAGE"])
    assert machine.main_pid("hakeeper") not in {0, pid}
    pair.settle(pair.a)

    assert pair.moves() == []
    assert machine.events("claim.started", mark) == []
    assert machine.run("sha256sum", "/etc/hakeeper/hakeeper.yaml") == config
    assert machine.run("sha256sum", "/etc/hakeeper/token") == token


def test_frozen_daemon_is_restarted_by_the_watchdog(pair: Pair) -> None:
    mark = time.time()
    pid = pair.a.main_pid("hakeeper")

    pair.a.run("kill", "-STOP", str(pid))
    pair.cloud.move(pair.floating_ip, None)  # it could not repair this
    pair.a.wait_for_event("daemon.started", mark)
    assert pair.a.main_pid("hakeeper") not in {0, pid}
    pair.settle(pair.a)

    assert pair.moves() == [None, "web-a"]
    told = pair.a.journal("--unit=hakeeper.service", "_PID=1")
    assert any("Watchdog timeout" in str(one["MESSAGE"]) for one in told), "systemd's own word"
    pair.a.wait_for_event("address.claimed", mark)
