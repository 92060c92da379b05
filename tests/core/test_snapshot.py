"""What `hakeeper status` says, and when it says that something is wrong."""

import json

from core.driver import PROCESS, WEB, Node, World, one_node
from core.fakecloud import READS, failure
from hakeeper.core.calls import Assign, FailureKind, Quota
from hakeeper.core.events import FifoChanged, FifoState
from hakeeper.core.snapshot import Health, document


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
    return "\n".join(problem.text for problem in node.snapshot().problems)


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
    assert ("web", "203.0.113.10", WEB) == (address.ref, address.address, address.floating_ip_id)
    assert ("mine", None, "held") == (address.owner, address.owner_server_id, address.stage)
    assert "claimed and confirmed" in address.decision
    assert address.owner_age_s is not None
    assert address.owner_age_s <= 10.0
    assert shown.next_look_in_s is not None
    assert "ok: VI_1 MASTER 1/1 here; API ok" == shown.line()


def test_a_healthy_backup_is_ok_although_another_server_has_the_address() -> None:
    world, node = healthy()
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.run_for(120.0)
    shown = node.snapshot()
    assert Health.OK is shown.health
    assert ("2", 2) == (
        shown.roles[0].addresses[0].owner,
        shown.roles[0].addresses[0].owner_server_id,
    )
    world.cloud.move(WEB, None)
    world.run_for(120.0)
    assert node.snapshot().roles[0].addresses[0].owner == "nobody"


def test_a_node_that_has_heard_nothing_is_degraded_and_says_of_what() -> None:
    _, node = one_node()
    shown = node.snapshot()
    assert Health.DEGRADED is shown.health
    assert "FIFO: not opened yet" in texts(node)
    assert "no keepalived process is known" in texts(node)
    assert "VI_1: the role is unknown: nothing heard yet" in texts(node)
    assert "which server this machine is" in texts(node)
    assert ("not asked yet", None, None) == (shown.api, shown.api_age_s, shown.next_look_in_s)
    assert ("unknown", None) == (
        shown.roles[0].addresses[0].owner,
        shown.roles[0].addresses[0].decision_age_s,
    )


def test_a_claim_is_degraded_at_first_and_broken_after_15_s() -> None:
    world, node = healthy()
    node.line("VI_1", "BACKUP")
    world.cloud.move(WEB, 2)
    world.run_for(120.0)
    world.cloud.fail(failure(FailureKind.REFUSED), Assign)
    node.line("VI_1", "MASTER")
    world.run_for(14.0)
    assert Health.DEGRADED is node.snapshot().health
    world.run_for(2.0)
    assert Health.BROKEN is node.snapshot().health
    assert "MASTER, but not confirmed here yet (about to assign)" in texts(node)
    assert node.snapshot().line().startswith("BROKEN: VI_1 MASTER 0/1 here; API ok; 203.0.113.10")


def test_an_api_outage_is_degraded_for_a_backup_and_soon_broken_for_a_master() -> None:
    world, node = healthy()
    world.cloud.fail(failure(FailureKind.TRANSIENT, "unavailable"))
    world.run_for(11.0)
    assert Health.DEGRADED is node.snapshot().health
    world.run_for(20.0)
    assert Health.BROKEN is node.snapshot().health
    assert "failing for" in node.snapshot().api
    assert "unavailable" in node.snapshot().api
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
    assert "contested, held by server 2" in texts(node)


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
    assert node.stage() == "reading the owner"
    assert Health.OK is node.snapshot().health


def test_the_worst_problem_comes_first() -> None:
    world, node = healthy()
    node.feed(FifoChanged(FifoState.MISSING, "no /run/fifo"))
    world.cloud.fail(failure(FailureKind.AUTH, "unauthorized"))
    world.run_for(20.0)
    healths = [problem.health for problem in node.snapshot().problems]
    assert healths == sorted(healths, reverse=True)
    assert Health.BROKEN is healths[0]


def test_the_picture_as_plain_values_goes_through_json_unchanged() -> None:
    world, node = healthy()
    node.feed(FifoChanged(FifoState.MISSING, "no /run/fifo"))
    world.run_for(1.0)
    plain = document(node.snapshot())
    assert plain == json.loads(json.dumps(plain, default=list)) | {"roles": plain["roles"]}
    assert "degraded" == plain["health"]
    assert [{"health": "degraded", "text": "FIFO: no /run/fifo"}] == plain["problems"]
