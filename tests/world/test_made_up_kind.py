"""The seam for kinds: one that is added by a file and a line runs through core, world and journal.

`tests/support/made_up_kind.py` is moved in two steps, by an API of its own, and has texts for ids.
All rules of the world hold for it: nobody but a MASTER sends, the bounds of split brains, the
repairs, the quota. The line is the one that adds it to `KINDS`.
"""

from collections.abc import Iterator

import pytest

from hakeeper.kinds import KINDS
from hakeeper.simulate.plan import draw
from tests.support.made_up_kind import BERTHS
from tests.world.judge import judged

SEEDS = range(24)


@pytest.fixture(autouse=True)
def line() -> Iterator[None]:
    assert isinstance(KINDS, dict)
    KINDS[BERTHS.name] = BERTHS
    yield
    del KINDS[BERTHS.name]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_rule_of_the_world_holds_for_a_kind_of_two_steps(seed: int) -> None:
    outcome = judged(draw(seed), kinds=(BERTHS,))
    assert [] == outcome.violations


def test_a_move_takes_it_from_its_holder_first() -> None:
    story = judged(draw(0), kinds=(BERTHS,), story=True).story
    steps = [line.split(" sends ")[1].split()[0] for line in story if " sends " in line]
    assert {"clear", "moor"} == set(steps)
    assert any("(released)" in line for line in story)


def test_the_journal_has_its_noun() -> None:
    story = judged(draw(0), kinds=(BERTHS,), story=True).story
    assert any(f"is {BERTHS.noun} " in line for line in story)
