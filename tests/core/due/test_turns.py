"""Where little flows into the budget, those that were refused take turns, read first or not.

An alias IP needs a list right before its step; a floating IP does not. Both are of one API here,
which has refused both, and there is budget for a retry in nine seconds.
"""

from dataclasses import replace

import pytest

from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import AllRead, Mutate, MutationAccepted, ReadAll, ReadServer, Request
from hakeeper.core.claim.happenings import Demoted, Seen
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import HoldDown, MutateDue, Verify
from hakeeper.core.due.reconcile import reconcile
from hakeeper.core.events import StartCall
from hakeeper.core.model import Role, Settings
from hakeeper.core.observation import Other, Part, Reading, Us
from hakeeper.core.roles.book import RoleBook
from hakeeper.core.state import State
from hakeeper.kinds import ALIAS_IPS, FLOATING_IPS, KINDS
from hakeeper.kinds.alias_ip import resource as alias
from hakeeper.kinds.json_fields import network
from tests.core.odds import MOST
from tests.core.standing import CLAIM, US, VI, cloud_of, ended, ip, kind_of

NOW = 100.0
NEXT_S = 9.0
"""One retry flows in in this time."""
VIP = "10.0.0.100"
FIP, ALIAS = str(ip(1).id), str(alias(7, VIP))
ROWS = (("1", "10.0.0.2"), ("2", "10.0.0.3"))
LIST = ReadAll(ALIAS_IPS.name, (7,))


def scene(alias_refused_s: float, other_refused_s: float) -> tuple[State, Resource, Resource]:
    """Make a MASTER of an alias IP and a floating IP, refused then; a retry is there from `NOW`."""
    wanted = Settings(
        resources={VI: (FLOATING_IPS.ref("ip1"), ALIAS_IPS.ref(VIP))}, can_query=False
    )
    state = State(wanted, MOST, RoleBook(wanted.resources, 0.0), KINDS)
    state.apis.use(wanted, KINDS)
    state.roles.role_states[VI].role = Role.MASTER
    api, aliases = cloud_of(state), state.apis.kinds[ALIAS_IPS.name]
    api.server, api.health.assigns_work = US, False
    for kind in state.apis.kinds.values():
        kind.listed_at_s, kind.whole_from_s = NOW, NOW + 600.0
    other = Resource(FLOATING_IPS.ref("ip1"), VI, kind_of(state), ip(1), holder=Other(2))
    first = Resource(ALIAS_IPS.ref(VIP), VI, aliases)
    state.resources = {each.ref: each for each in (other, first)}
    state.start(ReadAll(ALIAS_IPS.name), NOW - 5.0)
    answered(state, NOW - 5.0)
    api.budget.spent, api.budget.at_s, api.budget.retry_from_s = 300.0, NOW, NOW
    first.stage = Verify(replace(CLAIM, refused_at_s=alias_refused_s), NOW, NOW)
    other.stage = MutateDue(replace(CLAIM, refused_at_s=other_refused_s), NOW)
    return state, first, other


def answered(state: State, now: float) -> None:
    """Answer the list that is under way: nobody has the alias IP."""
    [(number, request)] = lists(state)
    listed = Part(key=7, name="internal", network=network("10.0.0.0/16"), rows=ROWS)
    outcome = AllRead(ALIAS_IPS.name, Reading((), parts=(listed,)), request.within)
    take_result(state, ended(number, outcome), now)


def lists(state: State) -> list[tuple[int, ReadAll]]:
    """Return the lists of alias IPs that are under way, by their calls."""
    requests = ((number, call.request) for number, call in state.calls.items())
    return [(n, r) for n, r in requests if isinstance(r, ReadAll) and r.kind == ALIAS_IPS.name]


def asked(state: State, now: float) -> list[Request]:
    """Return what is asked for at this look."""
    state.effects = []
    reconcile(state, now)
    return [effect.request for effect in state.effects if isinstance(effect, StartCall)]


def moved(requests: list[Request]) -> list[str]:
    return [str(each.resource) for each in requests if isinstance(each, Mutate)]


def test_what_was_refused_before_is_read_before_the_other_is_sent_again() -> None:
    state, _, _ = scene(alias_refused_s=50.0, other_refused_s=60.0)
    assert [LIST] == asked(state, NOW)


def test_the_step_that_follows_finds_the_retry_that_its_read_was_for() -> None:
    state, first, _ = scene(alias_refused_s=50.0, other_refused_s=60.0)
    asked(state, NOW)
    answered(state, NOW + 0.3)
    assert isinstance(first.stage, MutateDue)
    assert [ALIAS] == moved(asked(state, NOW + 0.3))


def test_the_other_one_is_next() -> None:
    state, _, other = scene(alias_refused_s=50.0, other_refused_s=60.0)
    asked(state, NOW)
    answered(state, NOW + 0.3)
    asked(state, NOW + 0.3)
    assert [] == moved(asked(state, NOW + NEXT_S))
    assert [FIP] == moved(asked(state, NOW + 0.3 + NEXT_S))
    assert not isinstance(other.stage, MutateDue)


def test_what_was_refused_after_the_other_waits_for_it() -> None:
    state, _, _ = scene(alias_refused_s=60.0, other_refused_s=50.0)
    assert [FIP] == moved(asked(state, NOW))


def test_each_is_sent_in_its_turn_whatever_fails() -> None:
    """Of two that are refused each time, both get half of the retries."""
    state, first, other = scene(alias_refused_s=50.0, other_refused_s=60.0)
    sent: list[str] = []
    now = NOW
    while now < NOW + 20 * NEXT_S:
        for name in moved(asked(state, now)):
            sent.append(name)
            mine = first if name == ALIAS else other
            claim = replace(CLAIM, refused_at_s=now)
            [number] = [n for n, each in state.calls.items() if each.resources == (mine,)]
            take_result(state, ended(number, MutationAccepted(None)), now)
            mine.stage = Verify(claim, now, now) if mine is first else MutateDue(claim, now)
            cloud_of(state).health.assigns_work = False
        if lists(state):
            answered(state, now)
        now += 0.25
    assert 18 <= len(sent) <= 20
    assert abs(sent.count(FIP) - sent.count(ALIAS)) <= 1


def test_a_read_that_is_never_answered_holds_the_other_up_no_longer_than_a_call() -> None:
    state, _, _ = scene(alias_refused_s=50.0, other_refused_s=60.0)
    asked(state, NOW)
    limit_s = NOW + cloud_of(state).settings.call_timeout_s + 2.0
    assert [] == moved(asked(state, limit_s - 0.01))
    assert [FIP] == moved(asked(state, limit_s))


def test_a_read_that_failed_loses_its_turn() -> None:
    state, _, _ = scene(alias_refused_s=50.0, other_refused_s=60.0)
    cloud_of(state).reads_from_s = NOW + 1.0
    assert [FIP] == moved(asked(state, NOW))


def test_a_look_at_a_server_waits_for_the_step_that_was_read_for() -> None:
    state, _, other = scene(alias_refused_s=50.0, other_refused_s=60.0)
    other.stage = HoldDown(NOW + 600.0, NOW)
    assert [LIST] == asked(state, NOW)
    answered(state, NOW + 0.3)
    assert [ALIAS] == moved(asked(state, NOW + 0.3))
    assert ReadServer not in map(type, asked(state, NOW + NEXT_S))
    assert [ReadServer] == [type(each) for each in asked(state, NOW + 0.3 + NEXT_S)]


@pytest.mark.parametrize("spent", [0.0, 150.0])
def test_nobody_waits_while_there_is_budget_for_both(spent: float) -> None:
    state, _, _ = scene(alias_refused_s=50.0, other_refused_s=60.0)
    cloud_of(state).budget.spent = spent
    requests = asked(state, NOW)
    assert [FIP] == moved(requests)
    assert LIST in requests


def test_what_was_never_refused_is_in_nobodys_turn() -> None:
    state, _, other = scene(alias_refused_s=50.0, other_refused_s=60.0)
    other.stage = MutateDue(CLAIM, NOW)
    assert [FIP] == moved(asked(state, NOW))


@pytest.mark.parametrize("end", ["confirmed", "given up"])
def test_the_turn_of_a_claim_that_ends_is_over(end: str) -> None:
    state, first, other = scene(alias_refused_s=90.0, other_refused_s=95.0)
    asked(state, NOW)
    assert first is cloud_of(state).budget.turn.owner
    if end == "given up":
        state.happened(first, Demoted("another is MASTER"), NOW)
    else:
        state.happened(first, Seen(Us(), Other(2), NOW), NOW)
    assert cloud_of(state).budget.turn.owner is None
    assert not first.favoured
    del other
