"""`hakeeper status --legend`, and that its words are those of the status."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hakeeper.adapters.legend import HOLDERS, sections
from hakeeper.cli.main import run_command
from hakeeper.cli.status import lines
from tests.adapters.test_status import WALL_S, picture, troubled, well
from tests.support.status_daemon import plain


def test_it_explains_each_word_without_a_daemon(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command(["status", "--legend", "--socket", "/nowhere"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    flat = " ".join(out.split())
    for section in sections():
        assert f"\n{section.title}\n" in f"\n{out}"
        for word, meaning in section.words.items():
            assert f"{word} {meaning}" in flat


def test_json_has_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command(["status", "--legend", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found == {section.key: dict(section.words) for section in sections()}
    assert list(found) == [section.key for section in sections()]


def documents() -> Iterator[Mapping[str, Any]]:
    """A status for each way in which the holder is told."""
    for state in (well(), troubled()):
        for holder in ("us", "nobody", "unknown", "42"):
            for resource_id in (1, None):
                for current in (True, False):
                    made = plain(picture(state))
                    made["roles"][0]["addresses"][0] |= {
                        "holder": holder,
                        "holder_label": "unknown (WHY)" if holder == "unknown" else "NAME (id ID)",
                        "holder_current": current,
                        "resource_id": resource_id,
                        "confirmed": holder == "us" and current,
                    }
                    yield made


def test_every_word_for_the_place_of_an_address_is_shown_and_explained() -> None:
    shown = [" ".join(" ".join(lines(status, WALL_S)).split()) for status in documents()]
    assert [word for word in HOLDERS if not any(word in text for text in shown)] == []
    for text in shown:
        _, told = text.split("203.0.113.1: ", 1)
        assert [word for word in HOLDERS if told.startswith(word)]
