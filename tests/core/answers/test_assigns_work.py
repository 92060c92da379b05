"""That assigns work again is known from the first address that is here, for all that waits."""

from dataclasses import replace

import pytest

from hakeeper.core.apis.budget import Use
from hakeeper.core.calls import AllRead
from hakeeper.core.claim.stages import ActionRunning, MutateDue, Stage
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.observation import Reading, Us
from tests.core.answers.scene import answer
from tests.core.standing import CLAIM, STEP, cloud_of, ip, put, resource_of, standing
from tests.support.resources import LIST

NOW = 101.0
RUNNING = ActionRunning(
    CLAIM.with_phases(Phases(line_s=90.0, sent_s=99.0, accepted_s=99.1)),
    STEP,
    action_id=77,
    until_s=109.0,
    due_at_s=120.0,
    polls=1,
)
WAITING = MutateDue(replace(CLAIM, attempt=1, refused_at_s=95.0), 110.0)


@pytest.mark.parametrize(
    ("stage", "holder", "works"),
    [
        (RUNNING, 1, True),
        (RUNNING, 2, False),
        (RUNNING, None, False),
        (replace(RUNNING, claim=CLAIM), 1, False),
        (WAITING, 2, False),
    ],
)
def test_a_list_that_shows_the_first_one_here_ends_the_wait_of_the_others(
    stage: Stage,
    holder: int | None,
    works: bool,  # noqa: FBT001
) -> None:
    """Its action is not known to have ended: where calls are few, nobody may look for a while."""
    state = standing(2)
    health = cloud_of(state).health
    health.assigns_work = False
    first, waiting = put(state, stage, 1), put(state, WAITING, 2)
    answer(state, LIST, AllRead(LIST.kind, Reading((ip(1, holder), ip(2)))), NOW)
    assert works is health.assigns_work
    assert (Use.CLAIM if works else Use.RETRY) is state.use_of(waiting, NOW + 10.0)
    assert isinstance(waiting.stage, MutateDue)
    assert works is (waiting.stage.due_at_s < WAITING.due_at_s)
    assert isinstance(first.stage, type(stage))


def test_it_is_claimed_only_when_its_action_has_ended() -> None:
    state = standing(1)
    put(state, RUNNING)
    answer(state, LIST, AllRead(LIST.kind, Reading((ip(1, 1),))), NOW)
    assert (Us(), RUNNING) == (resource_of(state).holder, resource_of(state).stage)
