"""Every state of the world is told alike: `status`, `--json`, STATUS=, journal and check."""

import pytest

from tests.states import addresses, api, fifo, keepalived, service
from tests.states.scene import Scene
from tests.states.state import NOT_RUNNING, State
from tests.states.tellers import (
    check_check,
    check_journal,
    check_not_running,
    check_status,
    check_systemd,
    take,
)

STATES = (
    *service.STATES,
    *keepalived.STATES,
    *fifo.STATES,
    *api.STATES,
    *addresses.STATES,
)
LEAST = 40


@pytest.mark.parametrize("state", STATES, ids=[state.name for state in STATES])
def test_a_state_is_reported_alike_everywhere(state: State, scene: Scene) -> None:
    state.make(scene)
    if state.exit_code == NOT_RUNNING:
        check_not_running(state, scene)
        return
    picture = take(state, scene)
    check_status(state, scene, picture)
    check_systemd(state, scene, picture)
    check_journal(state, scene, picture)
    check_check(state, scene)


def test_there_are_many_states_and_each_has_a_name_of_its_own() -> None:
    names = [state.name for state in STATES]
    assert sorted(set(names)) == sorted(names)
    assert len(names) >= LEAST
