"""What becomes of any answer, and of what an API says of servers and of us."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import (
    ActionsRead,
    Answer,
    FailureKind,
    Identified,
    Identify,
    OneRead,
    Quota,
    ReadActions,
    ReadServer,
    Request,
    ServerRead,
)
from hakeeper.core.claim.stages import (
    Claim,
    Idle,
    MutateDue,
    ReadBack,
    Verify,
)
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.due.reconcile import reconcile
from hakeeper.core.model import NEVER, Action, ActionStatus, Server
from hakeeper.core.observation import (
    Other,
    Unknown,
    Us,
)
from tests.core.answers.scene import (
    KIND,
    answer,
    assign_ends,
    entry,
)
from tests.core.faults import failure
from tests.core.odds import MOST
from tests.core.standing import (
    CLAIM,
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
    resource_of,
    standing,
    under_way,
    verifying,
)
from tests.support.resources import (
    CLOUD,
    IDENTIFY,
    LIST,
    listed,
    read,
)

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
