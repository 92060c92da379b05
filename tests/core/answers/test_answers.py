"""What becomes of the end of a call, one kind of answer and one class of failure at a time."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from hakeeper.adapters.journal.entry import Entry
from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import (
    ActionsRead,
    Answer,
    Failure,
    FailureKind,
    Identified,
    Identify,
    MutationAccepted,
    OneRead,
    Quota,
    ReadActions,
    ReadOne,
    ReadServer,
    Request,
    ServerRead,
)
from hakeeper.core.claim.last_decision import NotInProject
from hakeeper.core.claim.stages import (
    ActionRunning,
    Claim,
    Idle,
    MutateDue,
    ReadBack,
    Stage,
    Verify,
)
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.due.reconcile import reconcile
from hakeeper.core.events import ReloadToken
from hakeeper.core.model import NEVER, Action, ActionStatus, Server
from hakeeper.core.observation import (
    Nobody,
    Observation,
    Other,
    Reading,
    ResourceRef,
    Unknown,
    Us,
)
from hakeeper.core.state import State
from hakeeper.kinds import FLOATING_IPS
from hakeeper.kinds.floating_ip import by_id, by_name, by_network
from tests.core.driver import entries
from tests.core.faults import failure
from tests.core.odds import MOST
from tests.core.standing import (
    CLAIM,
    HELD,
    SENT,
    STEP,
    US,
    acting,
    asked,
    cloud_of,
    ended,
    holding_down,
    ip,
    mutating,
    put,
    reported,
    resource_of,
    standing,
    under_way,
    verifying,
)
from tests.support.resources import (
    CLOUD,
    IDENTIFY,
    LIST,
    assign,
    fip,
    listed,
    odd_floating_ip,
    read,
)

KIND = FailureKind


def answer(
    state: State, request: Request, outcome: Answer | Failure, now: float = 101.0
) -> list[str]:
    """Let a read that was begun at 100 end; return what is told."""
    state.effects = []
    take_result(state, ended(under_way(state, request), outcome), now)
    return reported(state)


def assign_ends(
    state: State, outcome: Answer | Failure, number: int = 1, generation: int = 0
) -> list[str]:
    """Let the assign of an address end, which has been sent."""
    state.effects = []
    call_id = under_way(state, assign(number, 1), 100.0, resource_of(state, number), generation)
    take_result(state, ended(call_id, outcome), 101.0)
    return reported(state)


def entry(state: State, event: str) -> Entry:
    return next(entry for entry in entries(state.effects) if entry.event == event)


# --- any answer --------------------------------------------------------------------------------


def test_an_answer_tells_the_latency_and_the_quota_and_ends_its_call() -> None:
    state = standing()
    call_id = under_way(state, LIST, 100.0)
    quota = Quota(limit_per_hour=3600, remaining=7)
    take_result(state, ended(call_id, listed((ip(1),)), None, 100.75, quota), 101.0)
    assert (0.75, 101.0) == (cloud_of(state).health.latency_s, cloud_of(state).health.answered_at_s)
    assert (quota, 101.0) == (cloud_of(state).health.quota, cloud_of(state).health.quota_at_s)
    assert {} == state.calls


def test_an_end_that_nobody_waits_for_changes_nothing() -> None:
    state = standing()
    take_result(state, ended(99, failure(KIND.AUTH)), 101.0)
    assert ([], None) == (state.effects, cloud_of(state).health.failure)


def test_a_failure_brings_its_quota_too_but_no_latency() -> None:
    state = standing()
    quota = Quota(limit_per_hour=3600, remaining=0)
    call_id = under_way(state, LIST)
    take_result(state, ended(call_id, failure(KIND.THROTTLED), quota=quota), 101.0)
    assert (quota, None) == (cloud_of(state).health.quota, cloud_of(state).health.latency_s)


def test_the_first_answer_after_failures_is_reported_and_lets_reads_and_waiting_claims_go() -> None:
    state = standing(2)
    answer(state, LIST, failure(KIND.TRANSIENT), 101.0)
    posting, reading = put(state, mutating(500.0), 1), put(state, verifying(500.0), 2)
    assert ["api.recovered"] == answer(state, IDENTIFY, Identified(US, "x"), 111.0)
    assert 10.0 == entry(state, "api.recovered").fields["duration_s"]
    assert (mutating(111.5), verifying(500.0)) == (posting.stage, reading.stage)
    assert (0, NEVER) == (cloud_of(state).read_attempt, cloud_of(state).reads_from_s)


def test_an_answer_of_another_kind_does_not_end_the_pause_of_the_reads() -> None:
    state = standing()
    cloud_of(state).read_attempt, cloud_of(state).reads_from_s = 3, 500.0
    posting = put(state, mutating(500.0))
    answer(state, ReadActions(CLOUD, (5,)), ActionsRead(()))
    assert (3, 500.0, mutating(500.0)) == (
        cloud_of(state).read_attempt,
        cloud_of(state).reads_from_s,
        posting.stage,
    )


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        (LIST, listed((ip(1),))),
        (read(1), OneRead(ip(1))),
    ],
)
def test_a_read_that_is_answered_ends_the_pause_of_the_reads(
    request_: Request, outcome: Answer
) -> None:
    state = standing()
    cloud_of(state).read_attempt, cloud_of(state).reads_from_s = 3, 500.0
    answer(state, request_, outcome)
    assert (0, NEVER) == (cloud_of(state).read_attempt, cloud_of(state).reads_from_s)


# --- who we are --------------------------------------------------------------------------------


def test_who_we_are_gives_a_meaning_to_what_was_read_before() -> None:
    state = standing(3, known=False)
    cloud_of(state).server = None
    cloud_of(state).identify_attempt = 4
    holders = (ip(1, 1, zone="us-east"), ip(2, 2, zone="eu-central"))
    answer(state, LIST, listed(holders))
    assert Unknown("which server this is has not been confirmed yet") == resource_of(state).holder
    assert ["server.identified", "address.zone_mismatch"] == answer(
        state, IDENTIFY, Identified(US, "the metadata"), 102.0
    )
    assert [US, 0] == [cloud_of(state).server, cloud_of(state).identify_attempt]
    assert "the metadata" == entry(state, "server.identified").fields["reason"]
    assert (Us(), Other(2)) == (resource_of(state, 1).holder, resource_of(state, 2).holder)
    assert 100.0 == resource_of(state, 1).holder_at_s


def test_who_we_are_says_nothing_of_an_address_that_was_read_and_then_lost() -> None:
    state = standing(2)
    cloud_of(state).server = None
    answer(state, LIST, listed((ip(1), ip(2))))
    answer(state, read(1), failure(KIND.NOT_FOUND))
    answer(state, read(2), failure(KIND.NOT_FOUND))
    assert ["server.identified"] == answer(state, IDENTIFY, Identified(US, "x"))


def test_a_list_tells_how_many_pages_the_next_one_takes() -> None:
    state = standing(1)
    answer(state, LIST, listed(tuple(ip(number) for number in range(1, 52))))
    assert 2 == resource_of(state).kind.pages


def test_who_we_are_says_nothing_of_an_address_that_was_never_read() -> None:
    state = standing(1)
    cloud_of(state).server = None
    answer(state, IDENTIFY, Identified(US, "x"))
    assert Unknown("not read yet") == resource_of(state).holder


def test_a_server_that_is_not_this_machine_is_reported_once_with_what_it_has() -> None:
    state = standing()
    cloud_of(state).server = None
    own = (ip_network("198.51.100.1/32"), ip_network("2001:db8:1::/64"))
    said = Identified(replace(US, own=own), "configuration", is_here=False)
    answer(state, IDENTIFY, said, 102.0)
    assert [] == answer(state, IDENTIFY, said, 114.0)
    refused = cloud_of(state).health.refusals[Identify].failure
    assert (KIND.NOT_FOUND, "not_this_machine") == (refused.kind, refused.code)
    assert (
        "node1 (id 1, from: configuration) is not this machine: of its addresses,"
        " 198.51.100.1 and 2001:db8:1::/64, none is here"
    ) == refused.message
    assert 126.0 == cloud_of(state).identify_from_s
    bare = Identified(replace(US, own=()), "x", is_here=False)
    answer(state, IDENTIFY, bare, 126.0)
    assert (
        cloud_of(state)
        .health.refusals[Identify]
        .failure.message.endswith("it has no address at all")
    )


def test_an_assign_that_finds_nothing_makes_us_ask_again_who_we_are() -> None:
    """Our server may have been made anew, with the same name."""
    state = standing()
    put(state, SENT)
    assign_ends(state, failure(KIND.NOT_FOUND))
    state.effects = []
    reconcile(state, 103.0)
    assert [US] == [cloud_of(state).server]
    assert [IDENTIFY] == [one for one in asked(state) if isinstance(one, Identify)]
    reconcile(state, 103.5)
    assert 1 == sum(isinstance(one, Identify) for one in asked(state))

    assert [] == answer(state, IDENTIFY, Identified(US, "configuration"), 104.0)
    assert not cloud_of(state).server_doubted
    anew = replace(US, id=9)
    assert ["server.identified"] == answer(state, IDENTIFY, Identified(anew, "x"), 105.0)
    assert anew == cloud_of(state).server


def test_a_server_that_is_gone_is_ours_no_more() -> None:
    state = standing()
    cloud_of(state).server_doubted = True
    answer(state, IDENTIFY, failure(KIND.TRANSIENT), 104.0)
    assert US == cloud_of(state).server
    answer(state, IDENTIFY, failure(KIND.NOT_FOUND), 105.0)
    assert cloud_of(state).server is None


@pytest.mark.parametrize(
    ("kind", "waits_s"),
    [
        (KIND.TRANSIENT, [0.25, 0.5, 1.0]),
        (KIND.AUTH, [12.0, 12.0, 12.0]),
        (KIND.NOT_FOUND, [12.0, 12.0, 12.0]),
        (KIND.REFUSED, [12.0, 12.0, 12.0]),
    ],
)
def test_asking_who_we_are_waits_longer_after_each_failure_and_long_for_an_operator(
    kind: FailureKind, waits_s: list[float]
) -> None:
    state = standing()
    seen = []
    for _ in waits_s:
        answer(state, IDENTIFY, failure(kind), 200.0)
        seen.append(cloud_of(state).identify_from_s - 200.0)
    assert waits_s == seen
    # A 404 or another 4xx is an answer: it says nothing of the API's health.
    failing = kind not in (KIND.NOT_FOUND, KIND.REFUSED)
    assert failing is (cloud_of(state).health.failure is not None)
    assert failing is (Identify not in cloud_of(state).health.refusals)


def test_a_machine_that_cannot_tell_who_it_is_says_nothing_of_the_api() -> None:
    state = standing()
    cloud_of(state).health.failed(failure(KIND.TRANSIENT), 190.0, MOST)
    answer(state, IDENTIFY, failure(KIND.TRANSIENT, "no_identity"), 200.0)
    assert cloud_of(state).health.failure is not None, (
        "the API was not asked, so it has not recovered"
    )
    assert "no_identity" == cloud_of(state).health.refusals[Identify].failure.code


def test_an_answer_of_no_comfort_is_an_answer_of_the_api_all_the_same() -> None:
    state = standing()
    cloud_of(state).health.failed(failure(KIND.TRANSIENT), 190.0, MOST)
    reported_now = answer(state, IDENTIFY, failure(KIND.NOT_FOUND), 200.0)
    assert ["api.recovered", "server.unidentified"] == reported_now
    assert cloud_of(state).health.failure is None


# --- the holders --------------------------------------------------------------------------------


def test_a_read_of_one_says_nothing_of_the_others() -> None:
    state = standing(2)
    resource_of(state, 2).observation = None
    answer(state, read(1), OneRead(ip(1, None)))
    answer(state, read(3), OneRead(ip(3, 1)))
    assert (Nobody(), 100.0) == (resource_of(state, 1).holder, resource_of(state, 1).holder_at_s)
    assert Unknown("not read yet") == resource_of(state, 2).holder


def test_a_read_that_was_refused_is_refused_no_more_when_the_list_has_it() -> None:
    state = standing()
    answer(state, read(1), failure(KIND.NOT_FOUND))
    assert ReadOne in cloud_of(state).health.refusals
    answer(state, LIST, listed((ip(1),)))
    assert ReadOne not in cloud_of(state).health.refusals


def test_a_list_finds_the_addresses_and_tells_each_once() -> None:
    state = standing(2, known=False)
    seen = listed((ip(2, 1), ip(1, 7)))
    assert ["address.resolved"] * 2 == answer(state, LIST, seen)
    resolved = entry(state, "address.resolved")
    assert ("203.0.113.1", 1) == (resolved.fields["address"], resolved.fields["resource_id"])
    assert (Other(7), Us()) == (resource_of(state, 1).holder, resource_of(state, 2).holder)
    assert ip(1, 7) == resource_of(state, 1).observation
    assert [] == answer(state, LIST, seen)


def test_an_address_that_is_lost_is_reported_once_and_once_again_when_it_is_found() -> None:
    state = standing(1, known=False)
    there, gone = listed((ip(1),)), listed((ip(3),))
    answer(state, LIST, there)
    assert ["address.unresolved"] == answer(state, LIST, gone)
    assert (None, True) == (resource_of(state).observation, resource_of(state).unresolved_reported)
    assert [] == answer(state, LIST, gone)
    assert ["address.resolved"] == answer(state, LIST, there)
    assert [] == answer(state, LIST, there)


def shown(state: State, *floating_ips: Observation) -> list[str]:
    return answer(state, LIST, listed(floating_ips))


def test_another_floating_ip_that_has_the_configured_name_now_is_the_one_that_is_meant() -> None:
    state = standing()
    put(state, HELD)
    known = resource_of(state).observation
    assert known is not None
    shown(state, replace(known, name="other"), replace(known, id=fip(77)))
    found = resource_of(state).observation
    assert found is not None
    assert fip(77) == found.id


def test_a_claim_whose_address_is_not_there_lists_again_after_a_while() -> None:
    state = standing(2)
    reading, holding = put(state, verifying(5.0), 1), put(state, HELD, 2)
    answer(state, LIST, listed(()), 200.0)
    assert (Verify(CLAIM, 5.0, 212.0), HELD) == (reading.stage, holding.stage)
    missing = NotInProject("floating IP", "ip1")
    assert (missing, 200.0) == (reading.decision, reading.decided_at_s)
    assert holding.decision is None


def test_a_list_of_a_kind_that_a_reload_has_dropped_meanwhile_says_nothing() -> None:
    state = standing(1, known=False)
    call_id = under_way(state, LIST)
    del state.apis.kinds[FLOATING_IPS.name]
    take_result(state, ended(call_id, listed((ip(1),))), 200.0)
    assert [] == reported(state)
    assert resource_of(state, 1).observation is None


def test_an_address_that_is_not_there_does_not_hide_the_next_one() -> None:
    state = standing(2, known=False)
    assert ["address.unresolved", "address.resolved"] == answer(state, LIST, listed((ip(2),)))


WHY = "floating IP 1: server is missing"
ODD = odd_floating_ip(id=1, name="ip1", network=ip_network("203.0.113.1/32"), why=WHY)
STRANGE = odd_floating_ip(id=8, name="x", network=ip_network("203.0.113.8/32"), why="no concern")
BLANK = odd_floating_ip(id=None, name=None, network=None, why="floating_ip is no object")


def test_an_odd_one_that_is_not_ours_changes_nothing() -> None:
    state = standing(1, known=False)
    seen = listed((ip(1, 7),), (STRANGE, BLANK))
    assert ["address.resolved"] == answer(state, LIST, seen)
    assert Other(7) == resource_of(state).holder
    assert ["address.unresolved"] == answer(state, LIST, listed((), (STRANGE,)))
    assert "no concern" not in entry(state, "address.unresolved").message


def test_one_of_ours_that_is_odd_is_told_as_that_and_hides_no_other() -> None:
    state = standing(2, known=False)
    seen = listed((ip(2, 1),), (ODD,))
    assert ["address.unresolved", "address.resolved"] == answer(state, LIST, seen)
    assert WHY in entry(state, "address.unresolved").message
    assert Us() == resource_of(state, 2).holder


def test_one_that_is_known_stays_known_while_the_list_is_odd() -> None:
    state = standing(1)
    before = resource_of(state).observation, resource_of(state).holder_at_s
    assert [] == answer(state, LIST, listed((), (ODD,)))
    assert before == (resource_of(state).observation, resource_of(state).holder_at_s)
    assert before[0] is not None


@pytest.mark.parametrize(
    "ref", [by_id(1), by_name("ip1"), by_network(ip_network("203.0.113.1/32"))]
)
def test_what_cannot_be_read_may_be_meant_by_any_word(ref: ResourceRef) -> None:
    odd = (FLOATING_IPS.why_unreadable(ref, Reading((), (each,))) for each in (ODD, STRANGE, BLANK))
    assert (WHY, None, BLANK.why) == tuple(odd)


@pytest.mark.parametrize(
    ("blocked", "zone", "events"),
    [
        (False, "eu-central", []),
        (False, "", []),
        (True, "", ["address.blocked"]),
        (False, "us-east", ["address.zone_mismatch"]),
    ],
)
def test_what_is_odd_about_an_address_is_reported_when_it_is_found(
    *, blocked: bool, zone: str, events: list[str]
) -> None:
    state = standing(1, known=False)
    seen = listed((ip(1, blocked=blocked, zone=zone),))
    assert ["address.resolved", *events] == answer(state, LIST, seen)


def test_a_zone_that_one_side_does_not_tell_is_nothing_odd() -> None:
    state = standing(1, known=False)
    seen = listed((ip(1, zone="us-east"),))
    cloud_of(state).server = None
    assert ["address.resolved"] == answer(state, LIST, seen)
    state = standing(1, known=False)
    cloud_of(state).server = Server(id=1, name="node1", status="running")
    assert ["address.resolved"] == answer(state, LIST, seen)


@pytest.mark.parametrize(
    ("ref", "found"),
    [
        (by_id(2), 2),
        (by_name("ip2"), 2),
        (by_network(ip_network("203.0.113.2/32")), 2),
        (by_id(9), None),
        (by_name("ip9"), None),
        (by_network(ip_network("203.0.113.0/24")), None),
    ],
)
def test_an_address_is_found_by_what_the_configuration_says(
    ref: ResourceRef, found: int | None
) -> None:
    matched = FLOATING_IPS.find(ref, None, Reading((ip(1), ip(2), ip(3))))
    assert matched == (None if found is None else ip(found))


def test_reads_that_fail_wait_longer_each_time_and_are_reported_once() -> None:
    state = standing()
    waits_s = []
    events = []
    for now in (200.0, 300.0, 400.0):
        state.effects = []
        call_id = under_way(state, LIST, now)
        take_result(state, ended(call_id, failure(KIND.TRANSIENT)), now)
        events += reported(state)
        waits_s.append(cloud_of(state).reads_from_s - now)
    assert ([0.25, 0.5, 1.0], ["api.failed"]) == (waits_s, events)
    assert failure(KIND.TRANSIENT) == cloud_of(state).health.failure


def test_reads_that_fail_side_by_side_are_one_attempt() -> None:
    state = standing(3)
    side_by_side = [under_way(state, request, 100.0) for request in (LIST, read(1), read(2))]
    for call_id in side_by_side:
        take_result(state, ended(call_id, failure(KIND.TRANSIENT)), 105.0)
    assert 105.25 == cloud_of(state).reads_from_s
    later = under_way(state, LIST, 105.25)
    take_result(state, ended(later, failure(KIND.TRANSIENT)), 110.0)
    assert 110.5 == cloud_of(state).reads_from_s


def test_a_read_that_fails_after_another_was_answered_is_the_first_to_fail() -> None:
    state = standing()
    failing = [under_way(state, read(number), 100.0) for number in (1, 2)]
    take_result(state, ended(failing[0], failure(KIND.TRANSIENT)), 105.0)
    answer(state, LIST, listed((ip(1),)), 106.0)
    take_result(state, ended(failing[1], failure(KIND.TRANSIENT)), 107.0)
    assert 107.25 == cloud_of(state).reads_from_s


def test_a_list_that_is_not_found_waits_for_an_operator_and_keeps_the_addresses() -> None:
    state = standing()
    answer(state, LIST, failure(KIND.NOT_FOUND), 200.0)
    assert (212.0, ip(1)) == (cloud_of(state).reads_from_s, resource_of(state).observation)


def test_a_read_that_fails_otherwise_keeps_the_address() -> None:
    state = standing()
    answer(state, read(1), failure(KIND.REFUSED), 200.0)
    assert (212.0, ip(1)) == (cloud_of(state).reads_from_s, resource_of(state).observation)


def test_a_404_for_one_address_forgets_that_one_and_lists_again_soon() -> None:
    state = standing(2)
    cloud_of(state).read_attempt = 2
    answer(state, read(1), failure(KIND.NOT_FOUND), 200.0)
    assert (None, ip(2)) == (resource_of(state, 1).observation, resource_of(state, 2).observation)
    assert (201.0, 3) == (cloud_of(state).reads_from_s, cloud_of(state).read_attempt)


def test_a_read_that_was_cancelled_is_no_news_and_no_trouble() -> None:
    state = standing()
    assert [] == answer(state, LIST, failure(KIND.CANCELLED))
    assert cloud_of(state).health.failure is None


# --- assigns -----------------------------------------------------------------------------------


def accepted(status: ActionStatus = ActionStatus.RUNNING) -> MutationAccepted:
    return MutationAccepted(Action(id=77, status=status))


def test_an_accepted_assign_is_watched_and_widens_the_lanes() -> None:
    state = standing()
    address = put(state, SENT)
    cloud_of(state).health.max_parallel = 3
    assert [] == assign_ends(state, accepted())
    claim = Claim(cause="a cause", phases=Phases(line_s=99.0, sent_s=100.0, accepted_s=101.0))
    assert ActionRunning(claim, STEP, 77, 111.0, 101.2, 1) == address.stage
    assert 4 == cloud_of(state).health.max_parallel


@pytest.mark.parametrize(("stage", "generation"), [(SENT, 1), (mutating(), 0)])
def test_an_assign_of_an_older_term_says_only_that_reads_before_now_are_blind(
    stage: Stage, generation: int
) -> None:
    state = standing(2)
    address, other = put(state, stage), put(state, HELD, 2)
    assign_ends(state, accepted(), generation=generation)
    assert (stage, 101.0) == (address.stage, address.writes.fresh_from_s)
    assert NEVER == other.writes.fresh_from_s


def test_an_assign_of_an_address_that_a_reload_took_away_is_over() -> None:
    state = standing()
    address = put(state, SENT)
    state.resources = {}
    take_result(state, ended(under_way(state, assign(1, 1), 100.0, address), accepted()), 101.0)
    assert SENT == address.stage


def test_a_failed_assign_is_reported_and_its_bytes_are_remembered() -> None:
    state = standing()
    address = put(state, SENT)
    assert ["claim.failed"] == assign_ends(state, failure(KIND.TRANSIENT))
    claim = replace(
        CLAIM,
        phases=Phases(line_s=99.0, sent_s=100.0),
        attempt=1,
        refused_at_s=101.0,
        failure=failure(KIND.TRANSIENT),
        failing_since_s=101.0,
        reported=frozenset({failure(KIND.TRANSIENT).code}),
    )
    assert MutateDue(claim, 101.25) == address.stage
    assert cloud_of(state).health.failure is None


@pytest.mark.parametrize(("others", "max_parallel"), [(0, 8), (1, 4)])
def test_a_lock_narrows_the_lanes_if_other_assigns_were_under_way(
    others: int, max_parallel: int
) -> None:
    state = standing(2)
    put(state, SENT)
    for _ in range(others):
        under_way(state, assign(2, 1), 100.0, resource_of(state, 2))
    assign_ends(state, failure(KIND.LOCKED))
    assert max_parallel == cloud_of(state).health.max_parallel


@pytest.mark.parametrize(
    ("accepted_s", "goes_on"), [(99.8, True), (99.9, False), (100.0, False), (100.1, True)]
)
def test_an_assign_accepted_beside_a_running_action_ends_the_going_one_by_one(
    accepted_s: float, *, goes_on: bool
) -> None:
    state = standing(2)
    put(state, SENT)
    put(state, acting(claim=CLAIM.with_phases(Phases(line_s=0.0, accepted_s=accepted_s))), 2)
    cloud_of(state).health.one_by_one_until_s = 200.0
    assign_ends(state, accepted())
    assert goes_on == (cloud_of(state).health.one_by_one_until_s == 200.0)


def test_an_address_that_is_assigned_already_is_no_lock() -> None:
    state = standing(2)
    put(state, SENT)
    under_way(state, assign(2, 1), 100.0, resource_of(state, 2))
    assert ["claim.failed"] == assign_ends(state, failure(KIND.ALREADY, "floating_ip_assigned"))
    assert (8, 0) == (cloud_of(state).health.max_parallel, cloud_of(state).health.one_by_one_s)


def test_an_address_that_was_here_all_the_time_is_no_failure() -> None:
    state = standing()
    address = put(state, SENT, 1, Us())
    assert [] == assign_ends(state, failure(KIND.ALREADY, "floating_ip_assigned"))
    assert isinstance(address.stage, Verify)


def test_a_lock_while_other_claims_of_ours_are_under_way_is_no_news() -> None:
    state = standing(2)
    put(state, SENT)
    put(state, acting(), 2)
    assert [] == assign_ends(state, failure(KIND.LOCKED, "locked"))
    assert 4 == cloud_of(state).health.max_parallel


def test_other_failures_do_not_narrow_the_lanes() -> None:
    state = standing(2)
    put(state, SENT)
    under_way(state, assign(2, 1), 100.0, resource_of(state, 2))
    assign_ends(state, failure(KIND.TRANSIENT))
    assert 8 == cloud_of(state).health.max_parallel


@pytest.mark.parametrize(
    ("kind", "stage"),
    [(KIND.OUTCOME_UNKNOWN, verifying(101.0)), (KIND.TRANSIENT, mutating())],
)
def test_an_older_assign_with_an_unknown_outcome_makes_the_new_claim_read(
    kind: FailureKind, stage: Stage
) -> None:
    state = standing()
    address = put(state, mutating())
    assert [] == assign_ends(state, failure(kind), generation=1)
    assert (stage, kind is KIND.OUTCOME_UNKNOWN) == (address.stage, address.writes.outcome_unknown)


def test_a_refused_token_is_read_again_whatever_call_it_was() -> None:
    state = standing()
    put(state, SENT)
    assert ["token.rejected"] == assign_ends(state, failure(KIND.AUTH))
    assert ReloadToken(CLOUD) in state.effects
    assert ["token.rejected"] == answer(state, ReadServer(CLOUD, 2), failure(KIND.AUTH))
    assert ReloadToken(CLOUD) in state.effects
    answer(state, ReadServer(CLOUD, 2), failure(KIND.REFUSED))
    assert ReloadToken(CLOUD) not in state.effects


# --- actions and servers -----------------------------------------------------------------------


def test_the_actions_that_were_asked_for_go_on_or_are_given_up() -> None:
    state = standing(4)
    for number in (1, 2, 3):
        put(state, acting(70 + number), number)
    put(state, mutating(), 4)
    actions = ActionsRead((Action(id=71, status=ActionStatus.SUCCESS),))
    assert ["claim.unknown"] == answer(state, ReadActions(CLOUD, (71, 72)), actions)
    finished = CLAIM.with_phases(Phases(line_s=99.0, finished_s=101.0))
    overdue = replace(CLAIM, reported=frozenset({"action_overdue"}))
    assert [
        ReadBack(finished, STEP, 105.0, 101.0, 101.0),
        verifying(101.0, overdue),
        acting(73),
        mutating(),
    ] == [address.stage for address in state.resources.values()]


def test_actions_that_nobody_has_any_more_are_given_up_for_a_read() -> None:
    state = standing()
    put(state, acting(71))
    assert ["claim.unknown"] == answer(state, ReadActions(CLOUD, (71,)), failure(KIND.NOT_FOUND))
    assert isinstance(resource_of(state).stage, Verify)
    assert cloud_of(state).health.failure is None


def test_actions_that_cannot_be_read_are_polled_later() -> None:
    state = standing(2)
    asked, other = put(state, acting(71), 1), put(state, acting(72), 2)
    assert ["api.failed"] == answer(
        state, ReadActions(CLOUD, (71,)), failure(KIND.TRANSIENT), 200.0
    )
    assert (replace(acting(71, 200.25), polls=1), acting(72)) == (asked.stage, other.stage)


@pytest.mark.parametrize(
    ("status", "claims"),
    [
        ("off", True),
        ("stopping", True),
        ("deleting", True),
        ("running", False),
        ("migrating", False),
        ("unknown", False),
    ],
)
def test_a_contested_address_is_claimed_if_its_holder_does_not_run(
    status: str, *, claims: bool
) -> None:
    state = standing(3)
    theirs = put(state, holding_down(), 1, Other(2))
    others = put(state, holding_down(), 2, Other(3))
    idle = put(state, Idle(), 3, Other(2))
    server = Server(id=2, name="node2", status=status)
    events = answer(state, ReadServer(CLOUD, 2), ServerRead(server))
    assert [] == events
    cause = f"the holder's server is {status}"
    claim = Claim(cause=cause, phases=Phases(line_s=101.0))
    assert (mutating(101.0, claim) if claims else holding_down()) == theirs.stage
    assert (holding_down(), Idle()) == (others.stage, idle.stage)


def test_a_contested_address_is_claimed_if_its_holder_was_deleted() -> None:
    state = standing(2)
    theirs = put(state, holding_down(), 1, Other(2))
    others = put(state, holding_down(), 2, Other(3))
    assert [] == answer(state, ReadServer(CLOUD, 2), failure(KIND.NOT_FOUND))
    assert isinstance(theirs.stage, MutateDue)
    assert "the holder's server is deleted" == theirs.stage.claim.cause
    assert (holding_down(), None) == (others.stage, cloud_of(state).health.failure)


def test_a_server_that_cannot_be_read_is_reported() -> None:
    state = standing()
    put(state, holding_down(), 1, Other(2))
    assert ["api.failed"] == answer(state, ReadServer(CLOUD, 2), failure(KIND.TRANSIENT))
    assert holding_down() == resource_of(state).stage
