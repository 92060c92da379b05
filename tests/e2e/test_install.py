"""docs/install.md alone makes a working pair; removing and purging the package leaves nothing."""

from tests.e2e.machine import Machine
from tests.e2e.pair import Pair

_MADE = ("/usr/lib/hakeeper", "/usr/bin/hakeeper", "/run/hakeeper", "/var/lib/hakeeper")
"""What must be there while the package is, and gone when it is purged."""


def test_the_guide_alone_makes_a_working_pair(pair: Pair) -> None:
    # The fixture has carried the guide out; this is a cold boot of what came of it.
    for machine in pair.machines:
        assert machine.run("dpkg-query", "--show", "--showformat=${Status}", "hakeeper") == (
            "install ok installed"
        )
        assert machine.run("stat", "-c", "%U %G %a", "/run/hakeeper/notify.fifo").split() == [
            "hakeeper", "hakeeper", "600",
        ]  # fmt: skip
        assert machine.run("stat", "-c", "%U %G %a", "/run/hakeeper").split() == [
            "root", "root", "755",
        ]  # fmt: skip
        assert machine.run("stat", "-c", "%U %a", "/etc/hakeeper/token").split() == ["root", "600"]
        assert machine.property("hakeeper", "User") == "hakeeper"
        assert machine.status()["roles"]
        machine.wait_for_event("server.identified")
    pair.a.wait_for_event("address.claimed")


def _named_hakeeper(machine: Machine) -> list[str]:
    """Everything named after the package, but the file that it was installed from."""
    found = machine.shell("find / /run /tmp -xdev -iname '*hakeeper*' -not -path '/root/*'")
    return sorted(found.splitlines())


def test_remove_and_purge_leave_nothing(pair: Pair) -> None:
    pair.b.shell("apt-get remove --yes hakeeper")
    assert not pair.b.is_active("hakeeper")
    assert pair.b.exists("/etc/hakeeper/hakeeper.yaml"), "remove keeps the configuration"
    pair.settle(pair.a)

    pair.b.shell("apt-get purge --yes hakeeper")
    for path in (*_MADE, "/etc/hakeeper"):
        assert not pair.b.exists(path), path
    assert pair.b.try_run("getent", "passwd", "hakeeper") == ""
    assert pair.b.try_run("getent", "group", "hakeeper") == ""
    assert _named_hakeeper(pair.b) == []
    assert pair.b.shell("find / /run /tmp -xdev -nouser -o -nogroup") == "", "owned by a lost user"
    assert "hakeeper" not in pair.b.run("journalctl", "--list-catalog").lower()
    pair.settle(pair.a)
    assert pair.moves() == []


def test_a_purge_on_the_master_moves_no_address(pair: Pair) -> None:
    pair.a.shell("apt-get purge --yes hakeeper")

    assert pair.holder() == "web-a"
    assert pair.moves() == []
    assert pair.wrongful_assigns() == []
