"""What `hakeeper status` says, and when it says that something is wrong."""

from itertools import pairwise

from hakeeper.core.calls import FailureKind, Mutate, Quota, ReadAll, ReadServer
from hakeeper.core.claim.last_decision import AssignSent, Claimed
from hakeeper.core.events import FifoChanged
from hakeeper.core.model import FifoState, Role
from hakeeper.diagnosis.problems import Health
from tests.core.driver import PROCESS, WEB, Node, World, one_node, settings
from tests.core.faults import failure
from tests.core.shown import cause_of, what_is
from tests.core.standing import cloud_of


def healthy() -> tuple[World, Node]:
    world, node = one_node()
    node.start()
    node.feed(FifoChanged(FifoState.OPEN, "listening on /run/fifo"))
    node.quota = Quota(limit_per_hour=3600, remaining=3500)
    node.line("VI_1", "BACKUP")
    world.run_for(30.0)
    node.line("VI_1", "MASTER")
    world.run_for(30.0)
    return world, node


def texts(node: Node) -> str:
    return "\n".join(f"{what_is(one)}: {cause_of(one)}" for one in node.snapshot().problems)


def codes(node: Node) -> list[str]:
    return [problem.code for problem in node.snapshot().problems]


def test_a_healthy_master_is_ok_and_shows_everything() -> None:
    _, node = healthy()
    shown = node.snapshot()
    assert Health.OK is shown.health
    assert () == shown.problems
    assert (1, "node1", PROCESS.pid) == (shown.server_id, shown.server_name, shown.keepalived_pid)
    assert ("open", "ok", 3600) == (shown.fifo, shown.api, shown.quota_limit_per_hour)
    assert shown.api_latency_s == 0.0
    [role] = shown.roles
    assert ("INSTANCE", "VI_1", "MASTER", 30.0) == (
        role.kind,
        role.name,
        role.role,
        role.role_age_s,
    )
    [address] = role.addresses
    assert ("web", "203.0.113.10", WEB) == (address.ref, address.address, address.resource_id)
    assert ("us", None, "held") == (address.holder, address.holder_server_id, address.stage)
    assert isinstance(address.decision, Claimed)
    assert address.holder_age_s is not None
    assert address.holder_age_s <= 10.0
    assert shown.next_look_in_s is not None
    assert (True, True) == (address.confirmed, address.holder_current)


def test_a_healthy_backup_is_ok_although_another_server_has_the_address() -> None:
    world, node = healthy()
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.run_for(120.0)
    shown = node.snapshot()
    assert Health.OK is shown.health
    assert ("2", 2) == (
        shown.roles[0].addresses[0].holder,
        shown.roles[0].addresses[0].holder_server_id,
    )
    assert "node2 (id 2)" == shown.roles[0].addresses[0].holder_label
    world.cloud.move(WEB, None)
    world.run_for(120.0)
    assert node.snapshot().roles[0].addresses[0].holder == "nobody"
    assert ["address.nowhere"] == codes(node)


def test_a_node_that_has_heard_nothing_is_degraded_and_says_of_what() -> None:
    _, node = one_node()
    shown = node.snapshot()
    assert Health.DEGRADED is shown.health
    assert ["server.unidentified", "fifo.missing", "keepalived.gone"] == codes(node)
    assert "not opened yet" in texts(node)
    assert ("not asked yet", None, None) == (shown.api, shown.api_age_s, shown.next_look_in_s)
    assert ("unknown", None) == (
        shown.roles[0].addresses[0].holder,
        shown.roles[0].addresses[0].decision_age_s,
    )


def test_a_second_look_at_an_address_that_is_ours_is_no_lasting_trouble() -> None:
    world, node = healthy()
    world.run_for(1000.0)
    world.cloud.move(WEB, 2)
    world.run_while(lambda: node.stage() == "held", 15.0)
    assert node.snapshot().health is not Health.OK


def test_an_holder_that_was_read_before_the_role_changed_is_no_fact_of_now() -> None:
    world, node = healthy()
    node.line("VI_1", "BACKUP")
    world.run_for(90.0)
    world.cloud.fail(failure(FailureKind.TRANSIENT, "connect_timeout"))
    node.line("VI_1", "MASTER")
    world.run_for(20.0)
    [address] = node.snapshot().roles[0].addresses
    assert ("us", False, False) == (address.holder, address.holder_current, address.confirmed)
    assert Health.BROKEN is node.snapshot().health
    assert "connect_timeout" in texts(node)


def test_who_has_lost_master_looks_within_five_seconds_who_has_it_now() -> None:
    world, node = healthy()
    world.cloud.move(WEB, 2)
    node.line("VI_1", "BACKUP")
    began_s = world.now
    world.run_for(5.0)
    [address] = node.snapshot().roles[0].addresses
    assert ("2", True) == (address.holder, address.holder_current)
    assert 1 == len(node.asked(ReadAll, since_s=began_s))


def test_a_role_that_flaps_costs_few_such_looks() -> None:
    world, node = healthy()
    began_s = world.now
    for _ in range(600):
        node.line("VI_1", "BACKUP")
        world.run_for(0.1)
        node.line("VI_1", "MASTER")
        world.run_for(0.1)
    at_most = 120.0 / 2.0 + 120.0 / 30.0 + 1
    assert len(node.asked(ReadAll, since_s=began_s)) <= at_most


def test_a_server_that_cannot_be_read_is_asked_for_again_after_a_minute() -> None:
    world, node = healthy()
    began_s = world.now
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.cloud.fail(failure(FailureKind.TRANSIENT, "down"), ReadServer)
    world.run_for(60.0 * 5)
    calls = node.asked(ReadServer, since_s=began_s)
    assert 3 <= len(calls) <= 5
    gaps = {round(later.at_s - call.at_s) for call, later in pairwise(calls)}
    assert {60} == gaps


def test_who_saves_the_quota_asks_for_no_other_server() -> None:
    world, node = healthy()
    node.quota = Quota(limit_per_hour=3600, remaining=200)
    world.run_for(30.0)
    began_s = world.now
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.run_for(120.0)
    assert [] == node.asked(ReadServer, since_s=began_s)
    assert ["quota.low"] == codes(node)


def test_a_server_that_no_longer_holds_anything_is_forgotten() -> None:
    world, node = healthy()
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.run_for(120.0)
    world.cloud.add_server(3)
    world.cloud.move(WEB, 3)
    world.run_for(120.0)
    assert "node3 (id 3)" == node.snapshot().roles[0].addresses[0].holder_label
    assert {3} == set(cloud_of(node.core.state).servers)


def test_the_names_that_keepalived_answers_with_help_who_wrote_another_one() -> None:
    world, node = one_node(config=settings({"V1": ("web",)}, can_query=True))
    node.dbus = {"VI_1": Role.MASTER}
    node.start()
    node.feed(FifoChanged(FifoState.OPEN, "listening"))
    world.run_for(30.0)
    assert ["role.unheard"] == codes(node)
    assert "it speaks of VI_1" in texts(node)


def test_the_last_decision_goes_on_with_the_claim() -> None:
    world, node = healthy()
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.run_for(30.0)
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [address] = node.snapshot().roles[0].addresses
    assert "assign sent" == address.stage
    assert isinstance(address.decision, AssignSent)
