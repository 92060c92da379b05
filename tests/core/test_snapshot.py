"""What `hakeeper status` says, and when it says that something is wrong."""

from dataclasses import replace
from itertools import pairwise

from hakeeper.core.calls import FailureKind, Mutate, Quota, ReadAll, ReadServer
from hakeeper.core.events import FifoChanged, SettingsChanged, SettingsRefused, WriterSeen
from hakeeper.core.last_decision import AssignSent, Claimed
from hakeeper.core.model import FifoState, Role
from hakeeper.core.problems import Health
from tests.core.driver import PROCESS, WEB, Node, World, one_node, settings
from tests.core.faults import READS, failure
from tests.core.shown import cause_of, what_is
from tests.core.standing import cloud_of
from tests.support.resources import CLOUD


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


def test_a_claim_is_degraded_at_first_and_broken_after_15_s() -> None:
    world, node = healthy()
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.run_for(120.0)
    world.cloud.fail(failure(FailureKind.REFUSED), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(14.0)
    assert Health.DEGRADED is node.snapshot().health
    world.run_for(2.0)
    assert Health.BROKEN is node.snapshot().health
    assert ["address.pending"] == codes(node)
    assert "web = 203.0.113.10 is not confirmed on this server, which is MASTER" in texts(node)
    assert "it is refused" in texts(node)


def test_an_api_outage_is_degraded_for_a_backup_and_soon_broken_for_a_master() -> None:
    world, node = healthy()
    world.cloud.fail(failure(FailureKind.TRANSIENT, "unavailable"))
    world.run_for(11.0)
    assert Health.DEGRADED is node.snapshot().health
    world.run_for(20.0)
    assert Health.BROKEN is node.snapshot().health
    assert "unavailable" == node.snapshot().api
    assert (node.snapshot().api_failing_s or 0.0) > 15.0
    node.line("VI_1", "BACKUP")
    assert Health.DEGRADED is node.snapshot().health


def test_a_refused_token_is_broken_at_once() -> None:
    world, node = healthy()
    node.line("VI_1", "BACKUP")
    world.cloud.fail(failure(FailureKind.AUTH, "unauthorized"))
    world.run_for(61.0)
    assert Health.BROKEN is node.snapshot().health


def test_a_contested_address_is_broken_and_says_who_holds_it() -> None:
    world, node = healthy()
    for _ in range(2):
        world.run_while(lambda: node.stage() != "held", 15.0)
        world.cloud.move(WEB, 2)
        world.run_while(lambda: node.stage() == "held", 15.0)
    world.run_for(2.0)
    assert Health.BROKEN is node.snapshot().health
    assert "is held by node2 (id 2), which takes it back" in texts(node)


def test_a_second_look_at_an_address_that_is_ours_is_no_lasting_trouble() -> None:
    world, node = healthy()
    world.run_for(1000.0)
    world.cloud.move(WEB, 2)
    world.run_while(lambda: node.stage() == "held", 15.0)
    assert node.snapshot().health is not Health.OK


def test_a_look_that_a_hint_asked_for_is_no_problem() -> None:
    world, node = healthy()
    world.run_for(60.0)
    node.holding = READS
    node.line("VI_1", "MASTER_RX_LOWER_PRI")
    assert node.stage() == "reading the holder"
    assert Health.OK is node.snapshot().health


def test_the_worst_problem_comes_first() -> None:
    world, node = healthy()
    node.feed(FifoChanged(FifoState.MISSING, "no /run/fifo"))
    world.cloud.fail(failure(FailureKind.AUTH, "unauthorized"))
    world.run_for(20.0)
    healths = [problem.health for problem in node.snapshot().problems]
    assert healths == sorted(healths, reverse=True)
    assert Health.BROKEN is healths[0]


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


def test_the_server_that_holds_an_address_is_looked_at_seldom() -> None:
    world, node = healthy()
    began_s = world.now
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.run_for(1790.0)
    asked = node.asked(ReadServer, since_s=began_s)
    assert [ReadServer(CLOUD, 2)] * 3 == [call.request for call in asked]
    world.cloud.add_server(2, "off")
    world.run_for(660.0)
    assert ["address.nowhere"] == codes(node)
    assert "which is off" in texts(node)


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
    assert {3} == set(cloud_of(node.core._state).servers)


def test_a_refused_reload_is_reported_until_the_next_one_is_taken_over() -> None:
    _, node = healthy()
    node.feed(SettingsRefused("hakeeper.yaml:1:1: no"))
    assert ["config.refused"] == codes(node)
    node.feed(SettingsChanged(node.config, apis_changed=(CLOUD,)))
    assert "config.refused" not in codes(node)


def test_a_fifo_without_a_writer_is_reported_after_a_moment() -> None:
    world, node = healthy()
    node.feed(WriterSeen(present=False))
    assert [] == codes(node)
    world.run_for(6.0)
    assert ["fifo.no_writer"] == codes(node)
    node.feed(WriterSeen(present=True))
    assert [] == codes(node)


def test_the_names_that_keepalived_answers_with_help_who_wrote_another_one() -> None:
    world, node = one_node(config=settings({"V1": ("web",)}, can_query=True))
    node.dbus = {"VI_1": Role.MASTER}
    node.start()
    node.feed(FifoChanged(FifoState.OPEN, "listening"))
    world.run_for(30.0)
    assert ["role.unheard"] == codes(node)
    assert "it speaks of VI_1" in texts(node)


def test_a_blocked_address_is_reported_when_it_becomes_so_and_once() -> None:
    world, node = healthy()
    assert [] == node.reports("address.blocked")
    world.cloud.resources[WEB] = replace(world.cloud.resources[WEB], blocked=True)
    world.run_for(30.0)
    assert 1 == len(node.reports("address.blocked"))
    assert ["address.blocked"] == codes(node)


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
