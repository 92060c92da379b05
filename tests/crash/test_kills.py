"""Sixty kills that lose nothing, and the bugs they would find; `make kills` does a thousand."""

import pytest

from tests.crash.failpoints import BOUNDARIES
from tests.crash.kills import never_met, play_until_met, stories, table
from tests.crash.story import Outcome, Violation

KILLS = 60
SEED = 2
DECISIVE = (
    "before feed",
    "before SaveState",
    "state file: half written",
    "before StartCall(Mutate)",
)
"""Where a kill does most harm to a daemon that does things in another order."""
FOUND = {
    "settle before feed": "role lost",
    "no tee": "role lost",
    "save after settle": "role lost",
    "state file not atomic": "state file unreadable",
    "claim blindly": "needless assign",
    "hear late": "forbidden assign",
}


def test_every_boundary_is_among_the_kills() -> None:
    assert set(BOUNDARIES) == {each for _, story in stories(KILLS, SEED) for each in story}


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("seed", "story"), stories(KILLS, SEED))
def test_no_kill_loses_a_role_or_sends_a_wrong_assign(seed: str, story: list[str]) -> None:
    outcomes = play_until_met(seed, story)
    assert [] == [violation for outcome in outcomes for violation in outcome.violations]
    assert sorted(story) == sorted(kill for outcome in outcomes for kill in outcome.kills)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("sabotage", "kind"), FOUND.items())
def test_a_planted_bug_is_found(sabotage: str, kind: str) -> None:
    found: set[str] = set()
    for number in range(10):
        outcomes = play_until_met(f"{number}", DECISIVE * 2, sabotage=sabotage, patience_s=2.0)
        found |= {violation.kind for outcome in outcomes for violation in outcome.violations}
        if kind in found:
            break
    assert kind in found


def test_the_table_shows_where_nothing_was_killed_and_what_was_found() -> None:
    violation = Violation("role lost", "told", "before feed")
    outcome = Outcome("1", kills=["before feed"], violations=[violation])
    assert set(BOUNDARIES) - {"before feed"} == never_met([outcome])
    rows = {line[:42].strip(): line[42:].split() for line in table([outcome]).splitlines()}
    assert ["1", "1"] == rows["before feed"]
    assert ["0", "0"] == rows["after feed"]
    assert ["1", "1"] == rows["all"]
