"""Every state of the world is told alike: `status`, `--json`, STATUS=, journal and check."""

from collections.abc import Mapping
from typing import Final

import pytest

from hakeeper.adapters.cures import TROUBLES
from hakeeper.adapters.legend import FIFO, ROLES, STAGES
from hakeeper.core.model import StepDownEnd, StepDownStage
from tests.states import addresses, api, fifo, keepalived, operator, service
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
    *operator.STATES,
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


BY_THE_COMMAND = "said by the command, which got no status: tests/cli/test_probe.py"
NO_STATE: Final[Mapping[str, str]] = {
    "hakeeper.busy": BY_THE_COMMAND,
    "hakeeper.denied": BY_THE_COMMAND,
    "hakeeper.silent": BY_THE_COMMAND,
    "hakeeper.unreachable": "as well; made in tests/crash/test_hosts.py",
}
"""Troubles that are not made here, and why."""
WORDS: Final[Mapping[str, frozenset[str]]] = {
    "role": frozenset(role.value for role in ROLES),
    "stage": frozenset(STAGES),
    "fifo": frozenset(FIFO),
    "step_down": frozenset(stage.value for stage in StepDownStage),
    "last_step_down": frozenset(end.value for end in StepDownEnd),
}
"""All words that the status may have for one thing, by the keys of `words_of`."""
_TOO_LONG = "made by time alone, half a minute or more of it: tests/core/operator/test_step_down.py"
NO_WORD: Final[Mapping[str, Mapping[str, str]]] = {
    "fifo": {"not opened": "the daemon looks for its FIFO before it answers anybody"},
    "last_step_down": dict.fromkeys(("expired", "not_taken_over", "not_claimed"), _TOO_LONG),
}
"""Those that no state has, and why."""


def test_each_trouble_has_a_state_or_a_reason() -> None:
    made = {state.code for state in STATES} - {""}
    assert set() == made & NO_STATE.keys()
    assert made | NO_STATE.keys() == TROUBLES.keys()


@pytest.mark.parametrize("key", WORDS)
def test_each_word_has_a_state_or_a_reason(key: str) -> None:
    made = {word for state in STATES if (word := state.has.get(key)) is not None}
    reasons = NO_WORD.get(key, {}).keys()
    assert set() == made & reasons
    assert made | reasons == WORDS[key]
