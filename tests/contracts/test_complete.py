"""Nothing of the port is without a story, and the stories show what they claim to show."""

import pytest

from hakeeper.core.calls import FailureKind, ReadServer
from hakeeper.simulate.faults.kinds import API_FAULTS, CLOUD_STATE, Kind
from tests.contracts.fake import FakePort
from tests.contracts.port import ME, OTHER, Port, shows
from tests.contracts.stories import TO_SHOW, all_stories, shown_by, without_story
from tests.support.resources import CLOUD


def test_every_request_answer_failure_and_fault_has_a_story() -> None:
    assert set() == without_story(all_stories().values())


def test_every_story_is_marked_with_what_it_shows() -> None:
    assert [] == [name for name, story in all_stories().items() if not shown_by(story)]


def test_every_fault_of_the_api_is_one_that_needs_a_story() -> None:
    of_the_api = {kind for kind in Kind if kind.value.startswith("A")}
    assert of_the_api == API_FAULTS | CLOUD_STATE


def test_what_loses_its_stories_is_named() -> None:
    stories = all_stories().values()
    for member in TO_SHOW:
        assert member in without_story(s for s in stories if member not in shown_by(s))


def test_a_story_in_which_something_does_not_occur_does_not_show_it() -> None:
    @shows(ReadServer, FailureKind.AUTH)
    def story(port: Port) -> None:
        port.answer(ReadServer(CLOUD, OTHER))

    with pytest.raises(AssertionError, match="AUTH"):
        story(FakePort())


def test_a_fault_that_strikes_nothing_was_not_shown_by_the_fake() -> None:
    @shows(ReadServer, Kind.TLS)
    def story(port: Port) -> None:
        port.answer(ReadServer(CLOUD, ME))
        with port.fault(Kind.TLS):
            pass

    with pytest.raises(AssertionError, match="TLS"):
        story(FakePort())
