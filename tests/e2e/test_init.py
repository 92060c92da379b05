"""`hakeeper init`: from two bare servers, and from the tutorial's set-up, to a failover."""

import re
from pathlib import Path

from hakeeper.core.model import Role
from tests.e2e import package, tutorial
from tests.e2e.book import typed
from tests.e2e.guide import add_witness
from tests.e2e.machine import Machine
from tests.e2e.pair import Pair, token_of

_TOKEN = "/root/token"
_TOKEN_FILE = f"--token-file {_TOKEN}"
_GIVEN = f"--address web {_TOKEN_FILE}"


def install(machine: Machine, deb: Path) -> None:
    """Install the package, and store the token where init is told to take it from."""
    machine.write(f"/root/{deb.name}", deb.read_bytes())
    machine.shell(f"apt-get install --yes /root/{deb.name}")
    machine.write(_TOKEN, token_of(machine.name) + "\n", mode=0o600)


def set_up(machine: Machine, command: str) -> str:
    """Write the files, let keepalived tell the test, too, and start all; return what was said."""
    said = machine.shell(f"{command} --yes --no-start")
    assert not machine.is_active("keepalived")
    add_witness(machine, tutorial.CONF)
    again = machine.shell(f"{command} --yes")
    assert "then: systemctl restart keepalived\n" in again
    assert "\nwrote " not in again, "all files are there"
    assert token_of(machine.name) not in said + again
    return said


def fail_over(pair: Pair) -> None:
    """Stop keepalived on the master, and start it again."""
    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    pair.b.wait_for_event("address.claimed")
    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)


def test_two_commands_make_a_pair_of_two_bare_servers(bare_pair: Pair) -> None:
    pair = bare_pair
    pair.switch_on()
    for machine in pair.machines:
        install(machine, package.find())

    [command] = typed("init.md", "Two bare servers")
    said = set_up(pair.a, f"{command} {_TOKEN_FILE}")
    (other,) = re.findall(
        r"^on web-b, unless it is set up: (hakeeper init .*)$", said, re.MULTILINE
    )
    set_up(pair.b, f"{other} {_TOKEN_FILE}")
    pair.settle(pair.a)
    pair.begin()

    for machine in pair.machines:
        assert "nothing to do\n" in machine.shell(f"hakeeper init {_GIVEN} --yes")
        machine.run("hakeeper", "check", "--online")
    assert machine.run("stat", "-c", "%U %a", "/etc/hakeeper/token").split() == ["root", "600"]
    assert pair.moves() == []
    fail_over(pair)
    assert pair.moves() == ["web-b", "web-a"]


def test_the_tutorials_pair_is_taken_over_without_an_outage(tutorial_pair: Pair) -> None:
    pair = tutorial_pair
    master, standby = pair.a, pair.b
    take_over, take_out = typed("init.md", "Servers with keepalived")
    keepaliveds = {one.name: one.main_pid("keepalived") for one in pair.machines}
    files = {one.name: one.run("cat", tutorial.CONF) for one in pair.machines}
    pair.witness.catch_up()
    before = len(pair.witness.heard())

    for machine in (standby, master):
        install(machine, package.find())
        said = machine.shell(f"{take_over} {_TOKEN_FILE} --yes")
        assert "then: systemctl reload keepalived\n" in said
        assert "restart keepalived" not in said
        assert "\nOK" in said, "hakeeper status"
        kept = machine.run("cat", f"{tutorial.CONF}.before-hakeeper-init.1")
        assert kept == files[machine.name]
        assert len(machine.run("cat", tutorial.CONF).splitlines()) == len(kept.splitlines()) + 2
    for machine in (standby, master):
        assert "--remove-scripts" in machine.shell(f"hakeeper init {_GIVEN} --yes")
        machine.shell(f"{take_out} {_TOKEN_FILE} --yes")
        assert "notify_master" not in machine.run("cat", tutorial.CONF)
    pair.settle(master)

    assert pair.moves() == []
    assert keepaliveds == {one.name: one.main_pid("keepalived") for one in pair.machines}
    heard = {(one.node, one.line.state.value) for one in pair.witness.heard()[before:]}
    assert heard <= {("web-a", "MASTER"), ("web-b", "BACKUP")}, "no role has changed on the way"
    assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.BACKUP}

    asked = {one.name: tutorial.calls(one) for one in pair.machines}
    fail_over(pair)
    assert pair.moves() == ["web-b", "web-a"]
    assert asked == {one.name: tutorial.calls(one) for one in pair.machines}

    pair.begin()
    for machine in (standby, master):
        for command in typed("init.md", "The way back"):
            machine.shell(command)
        assert machine.run("cat", tutorial.CONF) == files[machine.name]
        assert not machine.is_active("hakeeper")
    assert pair.moves() == []
    assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.BACKUP}
