"""Set-ups after the styles of real ones: what happens, and what `check --online` says of it.

Half of them, but for nights (NIGHTLY=yes). HAKEEPER_CORPUS=all adds those that are much like others.
"""

import os

import pytest

from tests.corpus.conftest import Try
from tests.corpus.setup import SetUp
from tests.corpus.setups import SETUPS as ALL
from tests.corpus.verdicts import findings, kind, mistakes, table

FALSE_ALARMS = 0.03
_IS_ALL = os.environ.get("HAKEEPER_CORPUS") == "all"
_STEP = 1 if _IS_ALL or os.environ.get("NIGHTLY") else 2
SETUPS = [setup for setup in ALL if _IS_ALL or not setup.is_wide][::_STEP]


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
def test_the_check_says_what_happens(setup: SetUp, outcome_of: Try) -> None:
    outcome = outcome_of(setup)
    for told in outcome.checks.values():
        assert "Traceback" not in str(told)
        assert (told["stderr"], "unparsed" in told) == ("", False)
        assert told["code"] in {0, 69, 78}

    wrong = list(mistakes(outcome))
    story = [setup.about, f"now: {outcome.now}", f"after: {outcome.after}", *findings(outcome)]
    assert [] == wrong, "\n".join(story)


@pytest.mark.timeout(900)
def test_there_are_enough_of_both_kinds(outcome_of: Try) -> None:
    names = [setup.name for setup in SETUPS]
    works = [outcome_of(setup).now.works for setup in SETUPS]

    assert len(set(names)) == len(names) >= 60
    assert min(works.count(True), works.count(False)) >= 20


@pytest.mark.timeout(900)
def test_nothing_is_missed_and_hardly_anything_is_a_false_alarm(outcome_of: Try) -> None:
    outcomes = [outcome_of(setup) for setup in SETUPS]
    kinds = [kind(outcome) for outcome in outcomes]
    missed, alarms = kinds.count("missed"), kinds.count("false alarm")
    print(table(outcomes))  # noqa: T201  # the table is what this is for
    print(f"{len(kinds)} set-ups, {missed} missed, {alarms} false alarms")  # noqa: T201

    assert 0 == missed
    assert alarms <= FALSE_ALARMS * len(kinds)
