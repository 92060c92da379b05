"""docs/migrate.md, carried out: from Hetzner's tutorial to hakeeper without an outage, and back."""

import json
import re
from pathlib import Path

from hakeeper.core.model import Role
from hakeeper.demo.lab import wait_until
from tests.e2e import package, tutorial
from tests.e2e.machine import PATIENCE_S, Machine
from tests.e2e.pair import Pair, token_of
from tests.support.markdown import blocks

PAGE = Path(__file__).parents[2] / "docs/migrate.md"
_EXAMPLE_ADDRESS = "10.0.0.2"
"""The private address in the page's text."""


def section(begin: str) -> str:
    """The text below the heading that begins so."""
    parts = re.split(r"^## (.*)$", PAGE.read_text(), flags=re.MULTILINE)
    (found,) = [
        text for title, text in zip(parts[1::2], parts[2::2], strict=True)
        if title.startswith(begin)
    ]  # fmt: skip
    return found


def commands(begin: str) -> list[str]:
    """All lines of shell in a section, without comments."""
    return [
        bare
        for block in blocks(section(begin), "sh")
        for line in block.splitlines()
        if (bare := re.sub(r"\s+#.*", "", line)).strip()
    ]


def install(machine: Machine) -> None:
    """Step 1, with what a person would put in."""
    deb = package.find()
    apt, token, *rest = commands("1.")
    machine.write(f"/root/{deb.name}", deb.read_bytes())
    machine.shell(f"cd /root; {apt}", given="y\n")
    machine.shell(token, given=token_of(machine.name) + "\n")
    (config,) = blocks(section("1."), "yaml")
    machine.write(
        "/etc/hakeeper/hakeeper.yaml", config.replace(_EXAMPLE_ADDRESS, machine.private_ip)
    )
    for command in rest:
        machine.shell(command)


def carry_out(machine: Machine, begin: str) -> None:
    """All commands of a section; each must succeed.

    But for one: a file that is not in force yet cannot make a failover work now.
    """
    for command in commands(begin):
        if "--keepalived-conf" in command:
            is_called_ready(machine, command)
        else:
            machine.shell(command)


def is_called_ready(machine: Machine, command: str) -> None:
    """The tutorial's own file with the two lines is good enough, and could be better."""
    told = json.loads(machine.run("bash", "-c", f"{command} --json", check=False))["online"]
    assert told["ready_after_restart"], told
    assert not told["ready_now"], "the keepalived that runs has not read it"
    said = [one["what"] for one in told["findings"] if one["severity"] == "warning"]
    for wanted in (
        tutorial.SCRIPT,
        "auth_pass",
        "reload_check_config",
        "vrrp_higher_prio_send_advert",
    ):
        assert any(wanted in one for one in said), (wanted, said)


def wait_for_status(machine: Machine, role: Role) -> None:
    """Wait until `hakeeper status` says that all is well, and names the role."""

    def told() -> bool:
        text = machine.run("hakeeper", "status", check=False)
        return text.startswith("OK") and f"VI_1  {role.value} " in text

    wait_until(
        told,
        timeout_s=PATIENCE_S,
        poll_s=0.5,
        what=lambda: f"{role}: {machine.run('hakeeper', 'status', check=False)}",
    )


def test_the_page_leads_from_the_tutorial_to_hakeeper_and_back(tutorial_pair: Pair) -> None:
    pair = tutorial_pair
    master, standby = pair.a, pair.b
    keepaliveds = {one.name: one.main_pid("keepalived") for one in pair.machines}
    pair.witness.catch_up()
    before = len(pair.witness.heard())

    # Steps 1 to 5: the address stays, the roles stay, no keepalived is started again.
    for machine in pair.machines:
        install(machine)
        carry_out(machine, "2.")
    assert commands("3.") == commands("4."), "the same on both"
    carry_out(standby, "3.")
    wait_for_status(standby, Role.BACKUP)
    carry_out(master, "4.")
    wait_for_status(master, Role.MASTER)
    for machine in (standby, master):
        carry_out(machine, "5.")
        assert "notify_master" not in machine.run("cat", tutorial.CONF)
    pair.settle(master)

    assert pair.moves() == []
    assert keepaliveds == {one.name: one.main_pid("keepalived") for one in pair.machines}
    assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.BACKUP}
    heard = {(one.node, one.line.state.value) for one in pair.witness.heard()[before:]}
    assert heard <= {("web-a", "MASTER"), ("web-b", "BACKUP")}, "no role has changed on the way"

    # Step 6: hakeeper moves it, and the script is not asked.
    asked = {one.name: tutorial.calls(one) for one in pair.machines}
    stop, start, check_again = commands("6.")
    master.shell(stop)
    pair.settle(standby)
    standby.wait_for_event("address.claimed")
    master.shell(start)
    pair.settle(master)
    for machine in pair.machines:
        machine.shell(check_again)
    assert pair.moves() == ["web-b", "web-a"]
    assert asked == {one.name: tutorial.calls(one) for one in pair.machines}

    # The way back.
    pair.begin()
    for machine in (standby, master):
        carry_out(machine, "The way back")
        assert not machine.is_active("hakeeper")
    assert pair.moves() == []
    assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.BACKUP}
    master.systemctl("stop", "keepalived")
    tutorial.wait_for_holder(pair, standby)
    assert tutorial.calls(standby) > asked[standby.name]
    assert pair.wrongful_assigns() == []
    carry_out(master, "Afterwards")  # what it takes away was there


def test_the_page_names_no_command_that_restarts_keepalived_before_step_6() -> None:
    for number in range(1, 6):
        for command in commands(f"{number}."):
            assert not re.search(r"systemctl (restart|stop|start).*keepalived", command), command
