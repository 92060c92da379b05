"""What the lab can do for a soak: cut one way, freeze, and hear of a healed split."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.lab import Cable, Lab, LabSettings, VrrpSettings
from tests.support.waiting import eventually

FAST = VrrpSettings(advert_int_s=0.1, higher_prio_send_advert=True)
HEALS = 8


@pytest.fixture
def lab() -> Iterator[Lab]:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no lab with real keepalived here: {reason}")
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(Lab(LabSettings(vrrp=FAST)))
        made.start_keepalived()
        made.wait_for_master(made.node("a"))
        yield made


def lower_masters_heard(lab: Lab, node: str) -> int:
    return sum(
        heard.node == node and heard.line.state.value == "MASTER_RX_LOWER_PRI"
        for heard in lab.witness.heard()
    )


def test_a_mute_master_is_not_heard_but_hears(lab: Lab) -> None:
    lab.node("a").set_cable(Cable.MUTE)
    lab.wait_for_master(lab.node("b"))
    eventually(lambda: lower_masters_heard(lab, "a") > 2, what="a to hear b")
    assert {"a": Role.MASTER, "b": Role.MASTER} == lab.vrrp_roles()

    lab.node("a").set_cable(Cable.WHOLE)
    lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=10)


def test_a_mute_node_stays_mute_when_its_link_comes_back(lab: Lab) -> None:
    b = lab.node("b")
    b.set_cable(Cable.MUTE)
    b.link_down()
    b.link_up()
    lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=10)
    table = b.namespace.run("ip", "neighbour", "show")
    assert "02:00:00:00:ff:ff" in table
    b.set_cable(Cable.WHOLE)
    assert "02:00:00:00:ff:ff" not in b.namespace.run("ip", "neighbour", "show")


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[0]


def test_a_frozen_keepalived_is_silent_and_is_master_again_when_thawed(lab: Lab) -> None:
    a = lab.node("a").keepalived
    child = a.wait_for_child()
    a.freeze()
    eventually(lambda: {"T"} == {state_of(a.pid), state_of(child)}, what="all of it to stop")
    lab.wait_for_master(lab.node("b"))
    a.thaw()
    lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=10)
    assert {"a": Role.MASTER, "b": Role.BACKUP} == lab.vrrp_roles()


def test_with_one_more_advert_of_who_yields_the_better_node_hears_of_every_heal(lab: Lab) -> None:
    """Without `vrrp_higher_prio_send_advert` about four in ten heals say nothing to it."""
    b = lab.node("b")
    for _ in range(HEALS):
        b.set_cable(Cable.CUT)
        lab.wait_for_master(b)
        before = lower_masters_heard(lab, "a")
        b.set_cable(Cable.WHOLE)
        lab.witness.wait_for_role("b", "VI_1", {Role.BACKUP}, timeout_s=10)
        eventually(lambda: lower_masters_heard(lab, "a") > before, what="a to hear of it")  # noqa: B023  # asked at once
