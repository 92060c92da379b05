"""The legend has every word that the status can show, by the tables that make them."""

from typing import get_args

import pytest

from hakeeper.adapters.cures import TROUBLES
from hakeeper.adapters.decision_texts import NOTHING_DECIDED, TEXTS
from hakeeper.adapters.legend import DECISIONS, FIFO, ROLES, STAGES, VERDICTS, sections
from hakeeper.core.claim.last_decision import LastDecision
from hakeeper.core.claim.stages import Stage
from hakeeper.core.model import FifoState, Role
from hakeeper.diagnosis.problems import Health
from hakeeper.diagnosis.snapshot import API_OK, FIFO_NOT_OPENED, NOT_ASKED
from tests.adapters.test_status import picture, well

WORDS = {section.key: section.words for section in sections()}


def test_every_word_of_the_tables_has_its_meaning() -> None:
    assert set(VERDICTS) == set(Health)
    assert set(ROLES) == set(Role)
    assert set(STAGES) == {stage.label for stage in get_args(Stage)}
    assert set(DECISIONS) == set(TEXTS) == set(get_args(LastDecision))
    assert set(FIFO) == {state.value for state in FifoState} | {FIFO_NOT_OPENED}
    assert set(WORDS["problems"]) == set(TROUBLES)
    assert {API_OK, NOT_ASKED} <= set(WORDS["apis"])
    assert NOTHING_DECIDED in WORDS["decisions"]


def test_what_a_decision_is_filled_with_is_a_word_in_capitals() -> None:
    words = WORDS["decisions"]
    assert "CAUSE: claimed and confirmed" in words
    assert "contested: WHO keeps taking it; next try in WAIT s" in words
    assert len(words) == len(TEXTS) + 1
    assert not [word for word in words if "{" in word]


@pytest.mark.parametrize("key", sorted(WORDS))
def test_each_meaning_is_a_short_plain_sentence(key: str) -> None:
    for word, meaning in WORDS[key].items():
        assert word
        assert 0 < len(meaning) < 120
        assert not meaning.endswith(".")


def test_a_picture_speaks_in_words_of_the_legend() -> None:
    taken = picture(well())
    [role] = taken.roles
    [address] = role.addresses
    assert taken.health.name in WORDS["verdicts"]
    assert role.role in WORDS["roles"]
    assert address.stage in WORDS["stages"]
    assert taken.fifo in WORDS["fifo"]
    assert taken.api in WORDS["apis"]
