"""Demoted at any moment of a claim: not one assign is sent afterwards.

Each test brings a claim to one moment, says BACKUP, lets the trouble end, and then waits for reads
that come later than the claim's next step could have come.
"""

import time

import pytest

from daemon.world import Node, World, at_s
from hakeeper.demo.cloud import Answer, Fault
from hakeeper.demo.lab.daemon import LogEntry

LONGEST_PAUSE_S = 4.5
"""More than a claim waits after the few failures that these tests give it."""
ASSIGN = "/actions/assign$"
EAGER = {"interval": "1s", "standby_interval": "1s"}


def settled(world: World, node: Node, demoted: LogEntry) -> None:
    """Wait until a step of the claim that was due at the demotion would have been seen."""
    assert at_s(demoted) <= time.monotonic() + 0.001  # the log counts in milliseconds
    world.wait_read(node, not_before_s=time.monotonic() + LONGEST_PAUSE_S, count=2)


def assigns_after(world: World, demoted: LogEntry) -> list[float]:
    """When assigns were received after the demotion was taken in."""
    return [a.received_s for a in world.cloud.assigns() if a.received_s > at_s(demoted)]


def fault_on_assigns(world: World, **fields: object) -> int:
    return world.cloud.fault(Fault.from_json({**fields, "method": "POST", "path": ASSIGN}))


def test_while_the_assign_is_under_way(world: World) -> None:
    node = world.running(**EAGER)
    fault = fault_on_assigns(world, delay_s=60, status=503)
    node.master()
    world.wait_hits(fault, 1)
    demoted = node.backup()
    world.cloud.clear(fault)
    settled(world, node, demoted)
    assert assigns_after(world, demoted) == []
    assert world.assigns() == 1
    assert len(node.logged("claim.abandoned")) == 1


def test_while_the_assign_is_under_way_and_gets_lost(world: World) -> None:
    node = world.running(**EAGER)
    fault = fault_on_assigns(world, answer=Answer.NEVER.value)
    node.master()
    world.wait_hits(fault, 1)
    demoted = node.backup()
    settled(world, node, demoted)
    world.cloud.clear(fault)
    world.wait_reads(node)
    assert assigns_after(world, demoted) == []
    assert world.assigns() == 1


@pytest.mark.parametrize("status", [503, 504, 423])
def test_while_backing_off(world: World, status: int) -> None:
    node = world.running(**EAGER)
    fault = fault_on_assigns(world, status=status)
    node.master()
    world.wait_hits(fault, 4)  # so the next one is at least a second away
    demoted = node.backup()
    world.cloud.clear(fault)
    settled(world, node, demoted)
    assert assigns_after(world, demoted) == []


def test_while_the_action_runs(world: World) -> None:
    node = world.running(**EAGER)
    fault = fault_on_assigns(world, action_never_ends=True)
    node.master()
    world.wait_hits(fault, 1)
    world.cloud.wait_for(lambda: world.cloud.requests(path="/actions", method="GET"))
    demoted = node.backup()
    world.cloud.clear(fault)  # the action fails now
    settled(world, node, demoted)
    assert assigns_after(world, demoted) == []
    assert world.cloud.holder(world.web) == world.elsewhere


def test_while_the_action_goes_on_to_success(world: World) -> None:
    node = world.running(**EAGER)
    world.cloud.set_rules(action_s=2)
    node.master()
    world.cloud.wait_for(lambda: world.cloud.requests(path="/actions", method="GET"))
    demoted = node.backup()
    world.wait_holder(node)  # nobody can stop it; and nobody else must be robbed of it again
    world.cloud.move(world.web, world.elsewhere)
    settled(world, node, demoted)
    assert assigns_after(world, demoted) == []
    assert world.cloud.holder(world.web) == world.elsewhere


def test_while_confirming(world: World) -> None:
    node = world.running(interval="1s", standby_interval="1s")
    fault = world.cloud.fault(Fault(method="GET", path="/floating_ips", answer=Answer.NEVER))
    node.master()
    world.wait_holder(node)
    world.wait_hits(fault, 1)
    demoted = node.backup()
    world.cloud.move(world.web, world.elsewhere)
    world.cloud.clear(fault)
    settled(world, node, demoted)
    assert assigns_after(world, demoted) == []


def test_while_waiting_for_a_429(world: World) -> None:
    node = world.running(**EAGER)
    fault = fault_on_assigns(world, status=429)
    node.master()
    node.wait_log("api.throttled")
    demoted = node.backup()
    world.cloud.clear(fault)
    settled(world, node, demoted)
    assert assigns_after(world, demoted) == []


def test_while_the_holder_is_not_known_yet(world: World) -> None:
    node = world.node(**EAGER)
    node.keepalived.start()
    fault = world.cloud.fault(Fault(answer=Answer.NEVER))
    node.daemon.start()
    node.master()
    node.wait_log("role.changed", role="MASTER")
    world.wait_hits(fault, 1)
    demoted = node.backup()
    world.cloud.clear(fault)
    settled(world, node, demoted)
    assert world.assigns() == 0
    assert assigns_after(world, demoted) == []


@pytest.mark.parametrize("word", ["FAULT", "STOP"])
def test_every_role_but_master_ends_the_claim(world: World, word: str) -> None:
    node = world.running(**EAGER)
    fault = fault_on_assigns(world, status=503)
    node.master()
    world.wait_hits(fault, 4)
    node.role(word)
    demoted = node.wait_log("role.changed", previous_role="MASTER")
    world.cloud.clear(fault)
    settled(world, node, demoted)
    assert assigns_after(world, demoted) == []


def test_the_end_of_keepalived_ends_the_claim(world: World) -> None:
    node = world.running(**EAGER)
    fault = fault_on_assigns(world, status=503)
    node.master()
    world.wait_hits(fault, 4)
    node.keepalived.kill()
    demoted = node.wait_log("role.changed", previous_role="MASTER", role="UNKNOWN")
    world.cloud.clear(fault)
    settled(world, node, demoted)
    assert assigns_after(world, demoted) == []


def test_a_new_term_claims_at_once_whatever_was_pending(world: World) -> None:
    node = world.running()
    fault = fault_on_assigns(world, status=503)
    node.master()
    world.wait_hits(fault, 5)
    node.backup()
    world.cloud.clear(fault)
    node.master()
    world.wait_holder(node)
    node.wait_log("address.claimed")
