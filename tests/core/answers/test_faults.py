"""One fault at a time: what a claim does meanwhile, and that it ends soon after the fault."""

from dataclasses import replace
from itertools import pairwise

import pytest

from hakeeper.core.calls import Failure, FailureKind, Mutate, ReadActions, ReadAll, ReadOne
from tests.core.cloud import Ending
from tests.core.driver import WEB, Node, World, one_node, settings
from tests.core.faults import READS, failure

KIND = FailureKind
RECOVERED_WITHIN_S = 15.0

FAULTS = {
    "500": failure(KIND.TRANSIENT, "server_error", http_status=500),
    "502": failure(KIND.TRANSIENT, "bad_gateway", http_status=502),
    "503": failure(KIND.TRANSIENT, "unavailable", http_status=503, correlation_id="abc"),
    "504": failure(KIND.OUTCOME_UNKNOWN, "timeout", http_status=504),
    "423": failure(KIND.LOCKED, "locked", http_status=423),
    "409": failure(KIND.LOCKED, "conflict", http_status=409),
    "429": failure(KIND.THROTTLED, "rate_limit_exceeded", http_status=429),
    "429 with a time": failure(KIND.THROTTLED, "rate_limit_exceeded", retry_after_s=4.0),
    "401": failure(KIND.AUTH, "unauthorized", http_status=401),
    "403": failure(KIND.AUTH, "forbidden", http_status=403),
    "404": failure(KIND.NOT_FOUND, "not_found", http_status=404),
    "422": failure(KIND.REFUSED, "invalid_input", http_status=422),
    "refused": failure(KIND.TRANSIENT, "connection_refused"),
    "dns": failure(KIND.TRANSIENT, "dns"),
    "reset": failure(KIND.OUTCOME_UNKNOWN, "connection_reset"),
    "hang": failure(KIND.OUTCOME_UNKNOWN, "deadline"),
}
HANGS = {"hang": 5.0}


def story(name: str, fault: Failure, *requests: type, lasts_s: float) -> tuple[World, Node]:
    """Let a fault meet a claim from its first moment on, and heal it."""
    world, node = one_node()
    node.warm()
    world.run_for(30.0)
    world.cloud.fail(fault, *requests, after_s=HANGS.get(name, 0.0))
    node.line("VI_1", "MASTER")
    world.run_for(lasts_s)
    world.cloud.heal()
    return world, node


def confirmed_after_s(world: World, node: Node) -> float:
    return world.run_while(lambda: node.stage() != "held", RECOVERED_WITHIN_S)


@pytest.mark.parametrize("lasts_s", [0.0, 0.7, 6.0, 47.0, 600.0, 4001.0])
@pytest.mark.parametrize("name", FAULTS)
def test_the_address_is_ours_within_15_s_after_any_fault_of_the_assign(
    name: str, lasts_s: float
) -> None:
    world, node = story(name, FAULTS[name], Mutate, lasts_s=lasts_s)
    assert node.assigns
    confirmed_after_s(world, node)
    assert world.cloud.holder(WEB) == 1


@pytest.mark.parametrize("lasts_s", [0.0, 6.0, 47.0, 600.0, 4001.0])
@pytest.mark.parametrize("name", FAULTS)
def test_the_address_is_ours_within_15_s_after_any_fault_of_the_whole_api(
    name: str, lasts_s: float
) -> None:
    world, node = story(name, FAULTS[name], lasts_s=lasts_s)
    confirmed_after_s(world, node)
    assert world.cloud.holder(WEB) == 1


@pytest.mark.parametrize("requests", [READS, (ReadActions,), (ReadOne,), (ReadAll,)])
@pytest.mark.parametrize("name", FAULTS)
def test_the_claim_is_confirmed_within_15_s_after_any_fault_of_the_reads(
    name: str, requests: tuple[type, ...]
) -> None:
    world, node = one_node()
    world.cloud.nature.action_s = 1.0
    node.warm()
    world.run_for(30.0)
    world.cloud.fail(FAULTS[name], *requests, after_s=HANGS.get(name, 0.0))
    node.line("VI_1", "MASTER")
    world.run_for(120.0)
    assert world.cloud.holder(WEB) == 1
    world.cloud.heal()
    confirmed_after_s(world, node)


@pytest.mark.parametrize("name", FAULTS)
def test_a_node_that_starts_as_master_amid_any_fault_has_the_address_within_15_s_of_its_end(
    name: str,
) -> None:
    world, node = one_node()
    world.cloud.fail(FAULTS[name], after_s=HANGS.get(name, 0.0))
    node.start()
    node.line("VI_1", "MASTER")
    world.run_for(300.0)
    world.cloud.heal()
    confirmed_after_s(world, node)
    assert world.cloud.holder(WEB) == 1


@pytest.mark.parametrize("name", FAULTS)
def test_each_failure_code_is_reported_once_per_claim(name: str) -> None:
    world, node = story(name, FAULTS[name], Mutate, lasts_s=120.0)
    code = FAULTS[name].code
    assert len(node.assigns) > 3
    reported = [r for _, r in node.reported if r.fields.get("error_code") == code]
    assert 1 == len(reported)
    assert 1 == len(node.reports("claim.started"))
    assert len(node.reports("address.resolved")) <= 1
    confirmed_after_s(world, node)
    assert 1 == len(node.reports("address.claimed"))


@pytest.mark.parametrize("name", ["504", "423", "409", "reset", "hang"])
def test_a_lock_or_an_unknown_outcome_is_followed_by_a_read_and_not_by_an_assign(name: str) -> None:
    world, node = story(name, FAULTS[name], Mutate, lasts_s=20.0)
    after = [call.request for call in node.calls if call.at_s >= node.assigns[0]]
    kinds = [type(r) for r in after]
    pairs = list(pairwise(kinds))
    assert len(node.assigns) > 2
    assert (Mutate, Mutate) not in pairs
    assert world.cloud.moved_between(0.0, world.now) == 0


def test_a_refused_token_is_loud_also_when_nothing_works() -> None:
    world, node = one_node()
    world.cloud.fail(FAULTS["401"])
    node.start()
    world.run_for(600.0)
    assert 1 <= len(node.reports("token.rejected"))
    assert len(node.reported) < 6


def test_a_lock_that_came_from_our_own_assign_ends_in_a_read_that_says_mine() -> None:
    world, node = one_node()
    node.warm()
    world.cloud.fail(FAULTS["reset"], Mutate, times=1, commits=True)
    world.cloud.nature.action_s = 4.0
    node.line("VI_1", "MASTER")
    world.run_for(15.0)
    assert node.stage() == "held"


def test_an_action_that_never_ends_but_moved_the_address_is_confirmed_by_the_holder() -> None:
    world, node = one_node()
    world.cloud.ending = Ending.NEVER
    node.warm()
    world.run_for(30.0)
    node.line("VI_1", "MASTER")
    world.cloud.move(WEB, 1)
    world.run_for(15.0)
    assert node.stage() == "held"
    assert 1 == len(node.assigns)


def test_an_action_that_the_api_has_forgotten_leads_to_a_read() -> None:
    world, node = one_node()
    world.cloud.nature.action_s = 3.0
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(0.1)
    world.cloud.forget()
    world.run_for(2.0)
    assert 2 == len(node.assigns)
    assert 1 == len(node.reports("claim.unknown"))


def test_a_404_for_an_action_leads_to_a_read() -> None:
    world, node = one_node()
    world.cloud.nature.action_s = 3.0
    node.warm()
    world.cloud.fail(FAULTS["404"], ReadActions)
    node.line("VI_1", "MASTER")
    world.run_for(15.0)
    assert node.stage() == "held"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("interval_s", [1.0, 10.0])
def test_when_the_api_works_again_a_waiting_claim_goes_out_within_a_second_and_a_half(
    seed: int, interval_s: float
) -> None:
    """With the short interval a read learns it first, else mostly the assign itself."""
    world = World()
    world.cloud.add_ip(WEB, "web", "203.0.113.10/32", 2)
    node = world.add_node(1, replace(settings(), interval_s=interval_s), seed)
    node.warm()
    world.cloud.fail(FAULTS["503"])
    node.line("VI_1", "MASTER")
    world.run_for(120.0)
    world.cloud.heal()
    world.run_while(lambda: not node.reports("api.recovered"), limit_s=15.0)

    world.run_while(lambda: not node.reports("address.claimed"), limit_s=1.5)


# --- the first list ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["BACKUP", None])
def test_a_first_list_that_fails_is_asked_for_again_soon_and_then_seldom(role: str | None) -> None:
    """Until it has come, a claim would have to wait for it: not for a standby's minute."""
    world, node = one_node()
    world.cloud.fail(FAULTS["503"], ReadAll)
    node.start()
    if role is not None:
        node.line("VI_1", role)
    world.run_for(35.0)
    asked_s = [call.at_s for call in node.asked(ReadAll)]
    assert [10.0] * 3 == [round(b - a, 1) for a, b in pairwise(asked_s)][-3:]
    world.cloud.heal()
    world.run_for(300.0)
    asked_s = [call.at_s for call in node.asked(ReadAll)]
    assert [60.0] * 4 == [round(b - a, 1) for a, b in pairwise(asked_s)][-4:]
