"""Trouble around the machines and on them; each ends with the address at the VRRP master."""

import time
from collections.abc import Callable

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.cloud import Fault, Network
from hakeeper.demo.lab import wait_until
from tests.e2e.machine import PATIENCE_S, Entry, Machine
from tests.e2e.pair import Pair, token_of

FIFO = "/run/hakeeper/notify.fifo"


def role_is(role: str) -> Callable[[Entry], bool]:
    return lambda entry: bool(entry["HAKEEPER_ROLE"] == role)


def test_private_network_cut_and_healed(pair: Pair) -> None:
    mark = time.time()

    with pair.private_cut(pair.a):
        pair.wait_for_master(pair.b)
        pair.b.wait_for_event("address.claimed", mark)
        pair.a.wait_for_event("address.drifted", mark)
        assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.MASTER}, "a split brain"
    pair.settle(pair.a)

    pair.b.wait_for_event("role.changed", mark, where=role_is("BACKUP"))
    assert pair.a.events("role.changed", mark) == [], "it was master all the time"
    assert len(pair.moves()) <= 7, "the fight is bounded"


def test_private_network_of_the_backup_cut_and_healed(pair: Pair) -> None:
    mark = time.time()

    with pair.private_cut(pair.b):
        pair.wait_for_master(pair.b)
        pair.b.wait_for_event("address.claimed", mark)
    pair.settle(pair.a)

    pair.b.wait_for_event("role.changed", mark, where=role_is("BACKUP"))
    assert len(pair.moves()) <= 7, "the fight is bounded"


def test_the_new_master_cannot_reach_the_api(pair: Pair) -> None:
    mark = time.time()

    with pair.public_cut(pair.b):
        pair.a.systemctl("stop", "keepalived")
        pair.wait_for_master(pair.b)
        pair.b.wait_for_event("api.failed", mark)
        assert pair.holder() == "web-a", "nobody could tell the cloud"
        assert pair.b.is_active("hakeeper")
    pair.settle(pair.b)

    assert pair.moves() == ["web-b"]
    pair.b.wait_for_event("api.recovered", mark)
    pair.b.wait_for_event("address.claimed", mark)


def test_the_api_is_down_during_a_failover(pair: Pair) -> None:
    mark = time.time()

    with pair.cloud.faulty(Fault(network=Network.REFUSE)):
        pair.a.systemctl("stop", "keepalived")
        pair.wait_for_master(pair.b)
        pair.b.wait_for_event("api.failed", mark)
        assert pair.moves() == []
    pair.settle(pair.b)

    assert pair.moves() == ["web-b"]
    pair.b.wait_for_event("api.recovered", mark)
    pair.b.wait_for_event("address.claimed", mark)


def test_token_revoked_then_rotated(pair: Pair) -> None:
    mark = time.time()

    pair.cloud.revoke("web-b")
    pair.a.systemctl("stop", "keepalived")
    pair.b.wait_for_event("token.rejected", mark)
    pair.wait_for_master(pair.b)
    assert pair.moves() == []

    token = pair.cloud.add_client("web-b")
    pair.b.write("/etc/hakeeper/token", token + "\n", mode=0o600)
    pair.b.systemctl("restart", "hakeeper")
    pair.settle(pair.b)

    assert pair.moves() == ["web-b"]
    pair.b.wait_for_event("address.claimed", mark)
    everything = pair.b.run("journalctl", "--output=export", "--all")
    assert token not in everything
    assert token_of("web-b") not in everything


def test_full_disk(pair: Pair) -> None:
    mark = time.time()
    pair.b.shell("cat /dev/zero >/var/fill 2>/dev/null || true; cat /dev/zero >>/var/fill || true")
    assert _free_kb(pair.b) == 0, "the disk is full"

    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    assert pair.moves() == ["web-b"]
    assert pair.b.is_active("hakeeper")

    # A restart with no room for a state file, and it still knows where it stands.
    pair.b.systemctl("restart", "hakeeper")
    pair.settle(pair.b)
    assert pair.moves() == ["web-b"]

    pair.b.run("rm", "/var/fill")
    freed = time.time()
    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)
    pair.b.wait_for_event("role.changed", freed, where=role_is("BACKUP"))
    assert pair.a.events("address.claimed", mark), "the other machine's journal tells it all"


def _free_kb(machine: Machine) -> int:
    return int(machine.run("df", "--output=avail", "/").split()[1])


def test_journald_stopped(pair: Pair) -> None:
    mark = time.time()
    journald = (
        "systemd-journald.socket",
        "systemd-journald-dev-log.socket",
        "systemd-journald.service",
    )
    pid = pair.b.main_pid("hakeeper")

    pair.b.systemctl("stop", *journald)
    assert not pair.b.is_active("systemd-journald")
    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    assert pair.moves() == ["web-b"]
    assert pair.b.main_pid("hakeeper") == pid, "it lives on"

    pair.b.systemctl("start", *journald)
    back = time.time()
    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)
    pair.b.wait_for_event("role.changed", back, where=role_is("BACKUP"))
    pair.a.wait_for_event("address.claimed", mark)
    assert pair.b.main_pid("hakeeper") == pid


_BREAK = {
    "removed": f"rm {FIFO}",
    "a file in its place": f"rm {FIFO}; touch {FIFO}",
    "wrong owner": f"chown root:root {FIFO}",
}
_REPAIR = f"test -p {FIFO} || rm -f {FIFO}; systemd-tmpfiles --create hakeeper.conf"


@pytest.mark.parametrize("trouble", _BREAK)
def test_fifo_trouble(pair: Pair, trouble: str) -> None:
    mark = time.time()
    pair.b.shell(_BREAK[trouble])
    # The worst case: the pipe that both still had open is gone with this one.
    pair.b.systemctl("restart", "hakeeper")
    pair.b.wait_for_event("fifo.failed", mark)

    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    assert pair.moves() == ["web-b"]
    pair.b.wait_for_event("address.claimed", mark)

    repaired = time.time()
    pair.b.shell(_REPAIR)
    pair.b.wait_for_event("fifo.recovered", repaired)
    pair.b.systemctl("reload", "keepalived")
    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"]
    _hears_its_fifo(pair, pair.b)


def _hears_its_fifo(pair: Pair, machine: Machine) -> None:
    """See that keepalived's child and hakeeper hold the very FIFO that is at the path."""
    inode = machine.run("stat", "-c", "%i", FIFO).strip()
    script = "find /proc/[0-9]*/fd -lname '*notify.fifo*' -printf '%h\\n' | sort -u"

    def both() -> bool:
        holders = set()
        for fds in machine.shell(f"{script} || true").split():
            pid = fds.split("/")[2]
            inodes = machine.shell(f"stat -L -c %i {fds}/* 2>/dev/null || true").split()
            if inode in inodes:
                holders.add(machine.shell(f"cat /proc/{pid}/comm || true").strip())
        return {"hakeeper", "keepalived"} <= holders

    wait_until(both, timeout_s=PATIENCE_S, what=f"keepalived and hakeeper to share {FIFO}")
    assert pair.wrongful_assigns() == []
