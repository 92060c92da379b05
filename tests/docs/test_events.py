"""The page about `hakeeper events` shows what it prints of a failover."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.journal.entry import Entry
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.recent import KEPT
from hakeeper.cli import events
from tests.core.driver import one_node
from tests.support.generated_docs import check_section

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
AT = "2026-11-30T07:00:00Z"


def printed() -> list[str]:
    world, node = one_node()
    world.cloud.nature.latency_s = 0.02
    node.warm()
    world.run_for(30.0)
    node.reported.clear()
    node.line("VI_1", "MASTER")
    world.run_for(5.0)
    told = [plain(entry) for _, entry in node.reported]
    lines = events._Lines()
    return [line for one in told for line in lines.of(one)]


def plain(entry: Entry) -> dict[str, object]:
    level = EVENTS[entry.event].level.name.lower()
    return {"time": AT, "level": level, "event": entry.event, "message": entry.message}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def test_the_example_is_what_the_command_prints() -> None:
    shown = "\n".join(printed())
    check_section(PAGE, "events", f"```\n{shown}\n```\n")


def test_the_numbers_are_those_of_the_code() -> None:
    page = PAGE.read_text()
    assert page.count(f" {KEPT} ") + page.count(f" {KEPT}\n") >= 2
    assert events.POLL_S == 0.5
    assert events.BEFORE == 10
