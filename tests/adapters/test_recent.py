"""The newest entries in memory: numbered, bounded, and nobody's who reads them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hakeeper.adapters.control_client import ANSWER_LIMIT_BYTES
from hakeeper.adapters.control_commands import BadRequest
from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.recent import KEPT, MOST, Recent
from hakeeper.adapters.journal.records import ENTRY_LIMIT_BYTES, Record
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target


def record(number: int = 0, message: str = "it happened") -> Record:
    return Record(
        event="role.changed",
        message=message,
        level=Level.NOTICE,
        fields={"attempt": number},
        time_s=1_800_000_000.0,
    )


def filled(count: int, limit: int = KEPT) -> Recent:
    recent = Recent(limit)
    for number in range(1, count + 1):
        recent.keep(record(number))
    return recent


def asked(recent: Recent, **request: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        json.dumps(recent.answer({"command": "events", **request}, 0))
    )
    return found


def numbers(answer: dict[str, Any]) -> list[tuple[int, int]]:
    return [(event["seq"], event["fields"]["attempt"]) for event in answer["events"]]


def test_all_that_is_there_is_new_to_who_has_nothing() -> None:
    answer = asked(filled(3))
    assert [(1, 1), (2, 2), (3, 3)] == numbers(answer)
    assert (3, 0) == (answer["last"], answer["missed"])
    assert answer["events"][0]["time"].startswith("2027-01-15T08:00:00")


def test_only_what_is_newer_comes_again() -> None:
    recent = filled(3)
    run = asked(recent)["run"]
    assert [(3, 3)] == numbers(asked(recent, run=run, after=2))
    assert [] == numbers(asked(recent, run=run, after=3))
    recent.keep(record(4))
    assert [(4, 4)] == numbers(asked(recent, run=run, after=3))


def test_who_was_away_for_too_long_learns_how_many_are_missing() -> None:
    recent = filled(10, limit=4)
    run = asked(recent)["run"]
    answer = asked(recent, run=run, after=2)
    assert (4, [(7, 7), (8, 8), (9, 9), (10, 10)]) == (answer["missed"], numbers(answer))
    assert 0 == asked(recent, run=run, after=6)["missed"]
    assert 6 == asked(recent)["missed"]


def test_of_another_run_nothing_is_known() -> None:
    recent = filled(2)
    assert [(1, 1), (2, 2)] == numbers(asked(recent, run="another", after=700))
    assert [] == numbers(asked(recent, run=asked(recent)["run"], after=700))


def test_an_answer_is_bounded_whatever_the_entries_hold() -> None:
    recent = Recent()
    for number in range(KEPT * 2):
        recent.keep(record(number, "\U0001f600" * (ENTRY_LIMIT_BYTES // 4)))
    answer = asked(recent)
    assert (MOST, KEPT * 2, KEPT) == (len(answer["events"]), answer["last"], answer["missed"])
    assert len(json.dumps(answer)) < ANSWER_LIMIT_BYTES


@pytest.mark.parametrize("after", [-1, 1.5, "2", True, None, 1 << 60, [1]])
def test_what_is_no_number_is_refused(after: object) -> None:
    with pytest.raises(BadRequest, match="after is not the number of an entry"):
        asked(filled(1), after=after)


def test_what_is_no_run_is_refused() -> None:
    with pytest.raises(BadRequest, match="run is not a text"):
        asked(filled(1), run=7)


def test_it_has_what_the_journal_gets_without_secrets(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    reporter = Reporter(Target.JSON, redact=lambda text: text.replace("secret", "[token]"), fd=fd)
    reporter.put("server.identified", "this is secret", {"reason": "a secret"})
    reporter.close()
    os.close(fd)
    [event] = asked(reporter.recent)["events"]
    assert ("this is [token]", "a [token]") == (event["message"], event["fields"]["reason"])
    assert event == {"seq": 1, **json.loads((tmp_path / "log").read_text())}
