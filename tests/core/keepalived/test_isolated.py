"""When a private address that was missing counts as back; the stories are in test_isolation.py."""

from dataclasses import replace
from ipaddress import ip_address

from hakeeper.core.claim.stages import Idle, Verify
from hakeeper.core.events import CancelCall
from hakeeper.core.keepalived.isolation import check_isolation, trust_again
from hakeeper.core.model import Role
from hakeeper.core.state import State
from tests.core.standing import SENT, VI, cloud_of, put, reported, resource_of, standing, under_way
from tests.support.resources import assign

OURS = ip_address("10.0.0.2")


def needing(role: Role = Role.MASTER) -> State:
    """A state whose instance speaks from OURS, which was here at 100."""
    state = standing(1, role)
    state.settings = replace(state.settings, vrrp_addresses={VI: (OURS,)})
    state.here = (OURS,)
    check_isolation(state, 100.0)
    return state


def missing(state: State, now: float) -> None:
    state.here = ()
    check_isolation(state, now)


def back(state: State, now: float) -> float:
    state.here = (OURS,)
    check_isolation(state, now)
    return state.roles.role_states[VI].trusted_from_s


def test_an_address_that_is_back_has_to_be_back_for_3_s() -> None:
    state = needing()
    missing(state, 200.0)
    assert 213.0 == back(state, 210.0)


def test_a_second_look_that_finds_it_does_not_shorten_the_wait() -> None:
    state = needing()
    missing(state, 200.0)
    back(state, 210.0)
    assert 213.0 == back(state, 211.0)


def test_an_address_that_is_lost_again_waits_anew() -> None:
    state = needing()
    missing(state, 200.0)
    back(state, 210.0)
    missing(state, 211.0)
    assert 217.0 == back(state, 214.0)


def test_a_look_that_finds_it_still_missing_changes_nothing() -> None:
    state = needing()
    missing(state, 200.0)
    generation = state.roles.role_states[VI].generation
    state.effects = []
    missing(state, 201.0)
    role_state = state.roles.role_states[VI]
    assert ([], generation, 200.0) == (
        state.effects,
        role_state.generation,
        role_state.isolated_since_s,
    )


def test_a_master_that_becomes_isolated_rests_and_its_assign_is_cancelled() -> None:
    state = needing()
    address = put(state, SENT)
    under_way(state, assign(1, 1), 150.0, address)
    missing(state, 200.0)
    role_state = state.roles.role_states[VI]
    assert (True, 1, (OURS,)) == (role_state.isolated, role_state.generation, role_state.missing)
    assert (Idle(), 200.0) == (resource_of(state).stage, address.decided_at_s)
    assert CancelCall(1) in state.effects
    assert ["claim.abandoned", "vrrp_address.missing"] == reported(state)


def test_a_backup_that_becomes_isolated_goes_on_as_before() -> None:
    state = needing(Role.BACKUP)
    missing(state, 200.0)
    role_state = state.roles.role_states[VI]
    assert (True, 0, None) == (
        role_state.isolated,
        role_state.generation,
        resource_of(state).decided_at_s,
    )


def test_that_it_is_back_is_reported_with_how_long_we_wait() -> None:
    state = needing()
    missing(state, 200.0)
    state.effects = []
    back(state, 210.0)
    back(state, 211.0)
    assert ["vrrp_address.found"] == reported(state)


def test_a_role_that_counts_again_right_after_another_edge_gives_up_no_pause() -> None:
    state = needing()
    missing(state, 200.0)
    back(state, 210.0)
    state.schedule.edge(212.5)
    cloud_of(state).reads_from_s = 999.0
    trust_again(state, VI, 213.0)
    assert 999.0 == cloud_of(state).reads_from_s
    assert isinstance(resource_of(state).stage, Verify)


def test_a_role_that_counts_again_after_a_while_gives_up_every_pause() -> None:
    state = needing()
    missing(state, 200.0)
    back(state, 210.0)
    state.schedule.edge(211.5)
    cloud_of(state).reads_from_s = 999.0
    trust_again(state, VI, 213.0)
    assert 213.0 >= cloud_of(state).reads_from_s
