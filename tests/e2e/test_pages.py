"""What the documents have an operator type to look, to change something and to find a fault.

The big stories (tutorial, init, migrate, upgrade, step-down) have tests of their own;
`tests/docs/test_typed.py` has the list of all. What a person would put in is put in.
"""

import time

import pytest

from hakeeper.demo.lab import wait_until
from tests.e2e.book import section, typed
from tests.e2e.hands import on_terminal, wait_until_well
from tests.e2e.machine import PATIENCE_S, Machine
from tests.e2e.pair import FLOATING_IP, Pair, token_of
from tests.support.markdown import blocks

pytestmark = [pytest.mark.mixed, pytest.mark.nightly]
CONFIG = "/etc/hakeeper/hakeeper.yaml"
_ENDLESS_S = 3
"""So long runs what goes on until Ctrl-C; timeout(1) exits with 124 then."""


def only(text: str) -> str:
    """Let a command that never ends be stopped after a while, and count as good."""
    return f"timeout --signal=INT {_ENDLESS_S} {text} || test $? = 124"


def edit(machine: Machine, drop_in: str) -> None:
    """Do what `systemctl edit hakeeper` does."""
    machine.write("/etc/systemd/system/hakeeper.service.d/override.conf", drop_in)
    machine.systemctl("daemon-reload")


def test_looking_moves_nothing(pair: Pair) -> None:
    machine = pair.a
    online, online_json, by_unit = typed("check.md", "")
    assert "would work" in machine.shell(online)
    assert machine.shell(online_json).startswith("{")
    assert "would work" in machine.shell(by_unit)
    [readable] = typed("check.md", "keepalived.conf")
    machine.shell(readable)
    machine.shell("cp /etc/keepalived/keepalived.conf /etc/keepalived/keepalived.conf.new")
    [both] = typed("addresses.md", "")
    assert "would work" in machine.shell(both)

    for line in (*typed("explain.md", ""), *typed("runbooks.md", "")):
        assert machine.shell(line)
    follow, since, names = typed("events.md", "")
    wait_until(lambda: "MASTER" in machine.shell(only(follow)), timeout_s=PATIENCE_S, what="events")
    assert "MASTER" in machine.shell(since)
    machine.shell("apt-get install --yes jq sudo")
    wait_until(
        lambda: '"role.changed"' in machine.shell(only(f"bash -c '{names}'")),
        timeout_s=PATIENCE_S,
        what="names of events",
    )

    short, of_one, table = typed("operate.md", "See what happened")
    assert "MASTER" in machine.shell(short)
    machine.shell(of_one)
    machine.shell(f"cd /root; {table}")
    assert machine.run("head", "-n", "1", "/root/failovers.csv").startswith("time,event,")
    report, manifest = typed("operate.md", "Report a bug")
    machine.shell(f"cd /root; {report}")
    named = manifest.replace("hakeeper-bugreport-TIME", "hakeeper-bugreport-*")
    assert "status.json" in machine.shell(f'cd /root; set -- {named}; "$@"')
    assert pair.moves() == []


def test_changes_move_nothing(pair: Pair) -> None:
    machine = pair.a
    mark = time.time()
    [install] = typed("hooks.md", "Recipes")
    machine.shell(install)
    machine.write("/usr/local/bin/announce", "#!/bin/sh\nexit 0\n", mode=0o755)
    [hooks, *_] = blocks(section("hooks.md", "Set one up"), "yaml")
    _, lines = hooks.split("    floating_ips: [web]\n")
    config = machine.run("cat", CONFIG)
    machine.write(CONFIG, config.replace("  VI_1:\n", f"  VI_1:\n{lines}", 1))
    check, reload, attempt, shown = typed("hooks.md", "Set one up")
    machine.shell(check)
    machine.shell(reload)
    machine.shell(attempt)
    what = "the hook's end in the journal"
    _, failed = typed("hooks.md", "Where it shows")
    # There is no mail server here, so it fails, and says so.
    wait_until(lambda: "not sent" in machine.shell(shown), timeout_s=PATIENCE_S, what=what)
    wait_until(lambda: "on_master" in machine.shell(failed), timeout_s=PATIENCE_S, what=what)
    for line in typed("operate.md", "Change the configuration"):
        machine.shell(line)
    machine.wait_for_event("config.reloaded", mark)

    token, restart = typed("operate.md", "Change the token")
    mark = time.time()
    machine.shell(token, given=token_of(machine.name) + "\n")
    machine.shell(restart)
    machine.wait_for_event("daemon.started", mark)
    [login] = typed("failover-ips.md", "Set up")
    machine.shell(login, given="user:password\n")
    assert machine.run("stat", "-c", "%U %a", "/etc/hakeeper/robot-login").split() == [
        "root",
        "600",
    ]
    machine.run("rm", "/etc/hakeeper/robot-login")

    machine.shell("apt-get install --yes adduser; useradd nagios")
    unit = "[Service]\nExecStart=sleep infinity\n"
    machine.write("/etc/systemd/system/nagios-nrpe-server.service", unit)
    for line in typed("status.md", "For monitoring and load balancers"):
        machine.shell(line)
    assert "HAKEEPER OK" in machine.shell("setpriv --reuid nagios --init-groups hakeeper probe")

    apt, enable, look = typed("metrics.md", "Set up")
    machine.shell(apt, given="y\n")
    machine.shell(enable)
    wait_until(
        lambda: "hakeeper_" in machine.try_run("bash", "-c", look),
        timeout_s=PATIENCE_S,
        what="the metrics",
    )
    pair.settle(pair.a)
    assert pair.moves() == []


def test_an_encrypted_token_is_as_good(pair: Pair) -> None:
    machine = pair.a
    place = section("install.md", "Encrypt the token")
    [drop_in] = blocks(place, "ini")
    edit(machine, drop_in)
    mark = time.time()
    for line in typed("install.md", "Encrypt the token"):
        machine.shell(line)
    machine.wait_for_event("daemon.started", mark)
    pair.settle(pair.a)
    assert not machine.exists("/etc/hakeeper/token")
    assert pair.moves() == []


def test_a_label_chooses_the_address(pair: Pair) -> None:
    """The label itself is given by `tests/docs/test_labels.py`."""
    pair.cloud.set_labels(pair.floating_ip, {"role": "web"})
    [text] = blocks(section("labels.md", ""), "yaml")
    machine = pair.a
    [_, *rest] = machine.run("cat", CONFIG).partition("floating_ips: [web]\n")
    machine.write(CONFIG, text + "".join(rest[1:]))
    machine.systemctl("reload", "hakeeper")
    _, check, status = typed("labels.md", "")
    assert "would work" in machine.shell(check)
    wait_until_well(machine)
    assert FLOATING_IP in machine.shell(status)
    pair.settle(pair.a)
    assert pair.moves() == []


def test_take_and_the_emergency_by_hand(pair: Pair) -> None:
    master, other = pair.a, pair.b
    explain, take, one = typed("take.md", "")
    assert master.shell(explain)
    for line in (take, one):
        on_terminal(master, line, ("[y/N]", "y"))
    wait_until_well(master)
    assert pair.moves() == []

    status, restart, again, stop, _, add, delete, start = typed(
        "take.md", "On a server that is not MASTER"
    )
    other.shell(status)
    other.shell(restart)
    wait_until_well(other)
    other.shell(again)
    for line in (stop, add, delete, start):
        other.shell(line)
    pair.settle(master)
    assert pair.moves() == []


def test_the_readme_and_a_recording(pair: Pair) -> None:
    stop, status, journal = typed("../README.md", "See it work")
    pair.a.shell(stop)
    pair.settle(pair.b)
    wait_until_well(pair.b)
    assert "MASTER" in pair.b.shell(status)
    assert "claimed" in pair.b.shell(journal)
    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)

    [drop_in] = blocks(section("recording.md", "Record"), "ini")
    edit(pair.b, drop_in)
    [restart] = typed("recording.md", "Record")
    pair.b.shell(restart)
    wait_until(
        lambda: pair.b.try_run("cat", "/var/lib/hakeeper/recording.jsonl"),
        timeout_s=PATIENCE_S,
        what="a recording",
    )
    pair.settle(pair.a)
    [replay] = typed("recording.md", "Replay")
    assert "identical" in pair.b.shell(f"cd /var/lib/hakeeper; {replay}")
    assert pair.moves() == ["web-b", "web-a"]
