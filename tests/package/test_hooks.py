"""Hooks on a machine that has booted: the units, the sandbox, and who may tell them anything."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.package.building import REPO
from tests.package.machine import Machine
from tests.package.place import NEIGHBOUR, PATIENCE_S, Place
from tests.support.markdown import blocks
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(900)
HOOK = "/usr/local/bin/hook"
RECIPE = "/usr/share/hakeeper/examples/hooks/restart-service"
_LOOK = """\
#!/bin/sh
id -un
for path in /etc/hakeeper/token /var/lib/hakeeper/state.json; do
    cat "$path" && echo "read $path"
done
for path in /usr/x /etc/x /run/x /var/x; do
    touch "$path" && echo "wrote $path"
done
touch /tmp/x && echo "has a /tmp"
cat "$CREDENTIALS_DIRECTORY/secret"
sleep 1000 &
"""
_ROOT = """\
[Service]
User=root
Group=root
LoadCredential=secret:/etc/hakeeper/secret
"""
_RULES = "/etc/polkit-1/rules.d/50-hakeeper-hooks.rules"
_DROP_INS = "/etc/systemd/system/hakeeper-hooks.service.d"


@pytest.fixture
def hooks(place: Place) -> Iterator[Machine]:
    """The place's machine, with hooks that look around and restart a service."""
    machine = place.machine
    file = machine.inside("/etc/hakeeper/hakeeper.yaml")
    before = file.read_text()
    machine.inside(HOOK).write_text(_LOOK)
    machine.run(f"chmod 0755 {HOOK}; echo hidden >/etc/hakeeper/secret")
    commands = f"{{on_master: {HOOK}, on_claimed: [{RECIPE}, dbus-x.service]}}"
    file.write_text(before.replace("[web]", f"[web], hooks: {commands}"))
    machine.inside("/etc/systemd/system/dbus-x.service").write_text(
        "[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n"
    )
    machine.run("systemctl daemon-reload; hakeeper reload")
    yield machine
    file.write_text(before)
    machine.run(f"rm -rf {HOOK} {_DROP_INS} /etc/hakeeper/secret; systemctl daemon-reload")
    machine.run("systemctl stop hakeeper-hooks.service dbus-x; hakeeper reload")


def entries(machine: Machine, event: str) -> list[dict[str, Any]]:
    argv = f"journalctl --unit=hakeeper-hooks --output=json HAKEEPER_EVENT={event}"
    lines = machine.run(f"journalctl --sync; {argv}").stdout.splitlines()
    return [json.loads(line) for line in lines]


def printed(machine: Machine, hook: str) -> list[str]:
    """What a hook has printed, without the head that the journal's messages have."""
    found = [entry for entry in entries(machine, "hook.output") if entry["HAKEEPER_HOOK"] == hook]
    return [str(entry["MESSAGE"]).removeprefix(f"VI_1: {hook}: ") for entry in found]


def is_active(machine: Machine) -> bool:
    return machine.says("systemctl is-active dbus-x") == "active"


def test_hooks_run_in_a_sandbox_of_their_own_and_with_more_rights_by_a_drop_in(
    place: Place, hooks: Machine
) -> None:
    check = hooks.says("hakeeper check")
    assert "  hooks     on_master, on_claimed (of VI_1)" in check
    assert "no hook is run" not in check
    for unit in ("hakeeper-hooks.service", "hakeeper-hooks.socket"):
        assert hooks.says(f"systemd-analyze verify --man=no {unit}") == ""
    hooks.run("systemd-analyze security --no-pager --threshold=20 hakeeper-hooks.service")

    place.fail_over()
    eventually(lambda: entries(hooks, "hook.ended"), PATIENCE_S, "on_master is done")
    said = printed(hooks, "on_master")
    assert said[0] == "hakeeper-hooks"
    assert "has a /tmp" in said
    assert not [line for line in said if line.startswith(("read ", "wrote "))]
    eventually(lambda: entries(hooks, "hook.failed"), PATIENCE_S, "on_claimed has failed")
    assert not is_active(hooks), "the hooks' user may not start services"
    assert hooks.says("pgrep -u hakeeper-hooks sleep") == "", "it ends with the hook"
    assert entries(hooks, "hook.ended")[0]["HAKEEPER_INSTANCE"] == "VI_1"

    hooks.run(f"mkdir -p {_DROP_INS}")
    hooks.inside(f"{_DROP_INS}/override.conf").write_text(_ROOT)
    hooks.run("systemctl daemon-reload; systemctl stop hakeeper-hooks.service")
    hooks.run("systemctl start hakeeper-hooks.socket")
    place.fail_over()
    eventually(lambda: is_active(hooks), PATIENCE_S, "the service was started")
    assert "hidden" in printed(hooks, "on_master"), "a credential of a drop-in"
    assert place.told("hook.unsent") == 0


@pytest.mark.nightly
def test_polkit_lets_a_hook_restart_one_service_and_nothing_else(
    place: Place, hooks: Machine
) -> None:
    [rule] = blocks((REPO / "docs/hooks.md").read_text(), "js")
    as_hooks = "runuser -u hakeeper-hooks -- systemctl --no-ask-password"
    assert hooks.run(f"{as_hooks} restart dbus-x", check=False).returncode != 0
    hooks.inside(_RULES).write_text(rule.replace("asterisk.service", "dbus-x.service"))
    try:
        place.fail_over()
        eventually(lambda: is_active(hooks), PATIENCE_S, "the recipe has restarted the service")
        hooks.run(f"{as_hooks} restart dbus-x")
        for other in ("stop dbus-x", "restart keepalived", "daemon-reload"):
            assert hooks.run(f"{as_hooks} {other}", check=False).returncode != 0, other
    finally:
        hooks.inside(_RULES).unlink()


def test_the_rule_of_the_page_is_for_one_service_one_verb_and_the_user_of_hooks() -> None:
    [rule] = blocks((REPO / "docs/hooks.md").read_text(), "js")
    assert re.findall(r'=== "(.*?)"', rule) == [
        "org.freedesktop.systemd1.manage-units",
        "asterisk.service",
        "restart",
        "hakeeper-hooks",
    ]


def test_nobody_but_the_daemon_and_root_tells_hooks_anything(place: Place, hooks: Machine) -> None:
    path = "/run/hakeeper-hooks/notices.sock"
    assert hooks.says(f"stat -c '%F %U %G %a' {path} $(dirname {path})").splitlines() == [
        "socket hakeeper root 200",
        "directory root root 755",
    ]
    notice = '{"v": 1, "moment": "on_master", "kind": "INSTANCE", "instance": "VI_1", "time": 1}'
    program = f"""
import json, socket
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
try:
    sender.sendto({notice!r}.encode(), "{path}")
    print(json.dumps({{"said": "sent"}}))
except OSError as error:
    print(json.dumps({{"said": error.strerror}}))
"""
    ran = len(entries(hooks, "hook.ended"))
    assert place.run_as(NEIGHBOUR, program)["said"] == "Permission denied"
    uid = hooks.says("id -u hakeeper-hooks")
    assert place.run_as(uid, program)["said"] == "Permission denied"
    assert len(entries(hooks, "hook.ended")) == ran
    assert place.run_as("0", program)["said"] == "sent"
    eventually(lambda: len(entries(hooks, "hook.ended")) > ran, PATIENCE_S, "root's is run")


def test_the_page_has_this_drop_in() -> None:
    assert "[Service]\nUser=root\nGroup=root\n" in (REPO / "docs/hooks.md").read_text()
