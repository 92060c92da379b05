"""Bugs that worlds found: told again with the bug, and clean without it.

`HAKEEPER_REWRITE_STORIES=1` writes the texts in stories/ anew.
"""

import os
from pathlib import Path

import pytest

from tests.world.judge import judged
from tests.world.stories import FOUND, Found

TEXTS = Path(__file__).with_name("stories")


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.bug.name)
def test_the_world_that_told_of_it_is_clean_now(found: Found) -> None:
    assert [] == judged(found.plan).violations


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.bug.name)
def test_with_the_bug_its_story_is_reported_again(found: Found) -> None:
    with found.bug.planted():
        outcome = judged(found.plan, story=True)
    told = "\n".join((found.bug.what, "", *outcome.story)) + "\n"
    text = TEXTS / f"{found.bug.name}.txt"
    if os.environ.get("HAKEEPER_REWRITE_STORIES"):
        text.write_text(told)
    assert found.bug.rule == outcome.violations[0].rule
    assert text.read_text() == told
