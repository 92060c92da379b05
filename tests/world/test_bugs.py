"""Every rule of the worlds is alive: planted bugs are found, and each rule finds one alone."""

import pytest

from hakeeper.core.claim.rules import BETWEEN_STEPS_S
from hakeeper.core.model import Role
from hakeeper.core.roles.table import RoleEvent
from tests.world.alias_bugs import ALIAS_BUGS
from tests.world.bug import Bug
from tests.world.bugs import BUGS
from tests.world.failover_bugs import FAILOVER_BUGS
from tests.world.hunt import EVERY_BUG, HEADING, hunt
from tests.world.planting import Change, Constant, Line, Row
from tests.world.rules import ALL_RULES


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", EVERY_BUG, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found_by_its_rule(bug: Bug) -> None:
    """By that rule alone, if the bug proves it: `hunt` goes on until then."""
    catch = hunt(bug)
    assert catch is not None
    print("\n".join([HEADING, str(catch)]))  # noqa: T201  # a row of the table


def test_every_rule_has_a_bug_that_no_other_rule_finds() -> None:
    proved = {bug.rule for bug in EVERY_BUG if bug.proves}
    assert [] == [rule for rule in ALL_RULES if rule not in proved]


def test_there_are_enough_bugs_and_none_is_planted_twice() -> None:
    assert len(BUGS) >= 36
    assert len(ALIAS_BUGS) >= 12
    assert len(FAILOVER_BUGS) >= 12
    names = {bug.name for bug in EVERY_BUG}
    changes = {(bug.kind, bug.changes) for bug in EVERY_BUG}
    assert len(EVERY_BUG) == len(names) == len(changes)
    assert [] == [bug.name for bug in EVERY_BUG if bug.rule not in ALL_RULES]


@pytest.mark.parametrize("bug", EVERY_BUG, ids=lambda bug: bug.name)
def test_a_planted_bug_leaves_nothing_behind(bug: Bug) -> None:
    before = [change.place() for change in bug.changes]
    with bug.planted():
        during = [change.place() for change in bug.changes]
    after = [change.place() for change in bug.changes]
    assert [True] * len(before) == [was is now for was, now in zip(before, after, strict=True)]
    assert [False] * len(before) == [was is now for was, now in zip(before, during, strict=True)]


@pytest.mark.parametrize(
    "change",
    [
        Line("hakeeper.core.limits.wake:due", "no such line", "pass"),
        Line("hakeeper.core.limits.wake:due", "now", "then"),
        Line(
            "hakeeper.core.keepalived.listener:Listener._queried",
            "if event.waits:",
            "if any(Gone for _ in ()):",
        ),
        Constant("hakeeper.core.claim.rules:BETWEEN_STEPS_S", BETWEEN_STEPS_S),
        Row(RoleEvent.GONE, Role.MASTER, Role.UNKNOWN),
    ],
    ids=[
        "a line that is not there",
        "a line that is there twice",
        "a name that is not known there",
        "its own value",
        "its own row",
    ],
)
def test_a_change_that_does_not_fit_is_an_error(change: Change) -> None:
    with pytest.raises(LookupError), change.planted():
        pass
