"""The sentence of each last decision, and that each has one."""

from typing import get_args

import pytest

from hakeeper.adapters.decision_texts import TEXTS, decision_text
from hakeeper.core.claim.last_decision import (
    ActionRuns,
    AssignSent,
    Claimed,
    LastDecision,
    LeftAlone,
    LeftWhileHung,
    LeftWhilePaused,
    NotInProject,
    NotShown,
    OursAlready,
    Retrying,
    StillHeldDown,
    TakenAgain,
    WillAssign,
    WillRead,
    WillReadBack,
)
from hakeeper.core.observation import Other

CASES = [
    (None, "nothing decided yet"),
    (WillRead("drift"), "drift: reading the holder"),
    (WillAssign("drift"), "drift: assigning it to this server"),
    (AssignSent("drift"), "drift: assign sent"),
    (ActionRuns("drift"), "drift: accepted, Hetzner's action is running"),
    (WillReadBack("drift"), "drift: assigned; reading the holder back"),
    (OursAlready("drift"), "drift: it is ours already"),
    (Claimed("drift"), "drift: claimed and confirmed"),
    (
        NotShown("drift", Other(7)),
        "drift: the assign succeeded, but web-b (id 7) has it still; assigning again",
    ),
    (Retrying("drift", "locked"), "drift: locked, retrying"),
    (StillHeldDown("a reload", Other(7)), "a reload, but contested: web-b (id 7) keeps it"),
    (
        TakenAgain(Other(7), 42.7),
        "contested: web-b (id 7) keeps taking it; next try in 43 s",
    ),
    (LeftWhileHung(Other(7)), "keepalived hangs: web-b (id 7) keeps it"),
    (LeftWhilePaused("drift"), "drift: due, and hakeeper is paused"),
    (LeftAlone("keepalived is backup"), "leaving it alone: keepalived is backup"),
    (NotInProject("floating IP", "web{0}"), "floating IP web{0} is not found"),
]


@pytest.mark.parametrize(("decision", "text"), CASES, ids=lambda each: type(each).__name__)
def test_each_decision_has_its_sentence(decision: LastDecision | None, text: str) -> None:
    assert text == decision_text(decision, "web-b (id 7)")


def test_none_is_left_out() -> None:
    every = set(get_args(LastDecision))
    assert every == set(TEXTS) == {type(decision) for decision, _ in CASES if decision is not None}
