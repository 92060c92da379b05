"""The picture of roles over time: one row an instance, one character a step."""

import itertools
import json

import pytest

from hakeeper.adapters.history.reading import Kept, decode
from hakeeper.cli.history_picture import LEGEND, picture
from hakeeper.cli.history_text import occurrences
from tests.support.kept_story import Line, as_kept, of

Event = tuple[str, dict[str, object]]
STARTED: Event = ("daemon.started", {})
STOPPED: Event = ("daemon.stopped", {})
MASTER: Event = ("role.changed", of(role="MASTER"))
BACKUP: Event = ("role.changed", of(role="BACKUP"))
WEB, MAIL = "203.0.113.10", "203.0.113.11"


def about(event: str, address: str = WEB) -> Event:
    return event, of(address=address)


def kept(*events: Event) -> tuple[Kept, ...]:
    """Return these events as a history has them; they are a minute apart."""
    story: list[Line] = [
        (f"2026-11-30 08:{minute:02}:00", event, event, fields)
        for minute, (event, fields) in enumerate(events)
    ]
    return decode("\n".join(map(json.dumps, as_kept(story))).encode()).entries


def row(*events: Event) -> str:
    """Return the row of VI_1 without repeated characters."""
    entries = kept(*events)
    begin_s = entries[0].at_s
    lines = list(picture(entries, begin_s, begin_s + 60.0 * len(events), "VI_1"))
    (found,) = [line for line in lines if line.startswith("VI_1  ")]
    assert len(found) == 80
    assert tuple(lines[-3:-1]) == LEGEND
    return "".join(mark for mark, _ in itertools.groupby(found.removeprefix("VI_1  ")))


@pytest.mark.parametrize(
    ("events", "marks"),
    [
        ((STARTED, MASTER, about("claim.started"), about("address.claimed")), "?mM"),
        ((STARTED, MASTER, about("address.confirmed"), BACKUP), "?mMb"),
        ((MASTER, about("address.confirmed"), about("address.drifted")), "mMm"),
        ((MASTER, about("address.confirmed"), about("address.held_down", MAIL)), "mMm"),
        ((MASTER, about("address.drifted"), about("address.confirmed", MAIL)), "m"),
        ((MASTER, about("address.confirmed"), about("claim.paused", MAIL)), "mMm"),
        # What was here in an earlier MASTER says nothing of a new one.
        (
            (MASTER, about("address.confirmed"), BACKUP, MASTER, about("address.deselected", MAIL)),
            "mMbm",
        ),
        # A claim that fails has not moved what it claims.
        (
            (
                MASTER,
                about("address.confirmed"),
                about("claim.started", MAIL),
                about("claim.failed", MAIL),
            ),
            "mMm",
        ),
        (
            (
                MASTER,
                about("address.confirmed"),
                about("claim.started", MAIL),
                about("address.deselected", MAIL),
            ),
            "mMmM",
        ),
        # What comes after a role has ended does not bring it back.
        ((BACKUP, about("claim.abandoned"), about("address.drifted")), "b"),
        ((("role.changed", of(role="newer")), STOPPED), "?."),
        ((STARTED, STOPPED, STARTED, MASTER), "?.?m"),
        ((BACKUP, ("daemon.failed", {}), STARTED, BACKUP), "b.?b"),
    ],
)
def test_a_row_shows_role_and_holder(events: tuple[Event, ...], marks: str) -> None:
    assert marks == row(*events)


def test_what_was_before_decides_how_it_looks_at_the_beginning() -> None:
    entries = kept(BACKUP)
    begin_s = entries[0].at_s + 3600.0
    shown = list(picture(entries, begin_s, begin_s + 0.37, None))
    assert f"VI_1  {'b' * 74}" in shown
    assert shown[-1] == "each character: what lasted longest of 5 ms"


def test_what_lasted_longest_of_a_step_stands_for_it() -> None:
    """A MASTER of a minute in steps of an hour is in the list, and not in the picture."""
    entries = kept(BACKUP, MASTER, BACKUP)
    begin_s = entries[0].at_s
    assert f"VI_1  {'b' * 74}" in picture(entries, begin_s, begin_s + 74 * 3600.0, None)


def test_without_an_instance_there_is_no_picture() -> None:
    assert [] == list(picture(kept(STARTED), 0.0, 1.0, None))


def test_an_outage_that_a_restart_has_cut_is_no_longer_than_its_run() -> None:
    failed: Event = ("api.failed", {"api": "cloud"})
    recovered: Event = ("api.recovered", {"api": "cloud"})
    texts = [one.text for one in occurrences(kept(STARTED, failed, STARTED, failed, recovered))]
    assert texts[1] == "api.failed"
    assert texts[-1].startswith("the Hetzner API gave no usable answer for 60 s, until ")
