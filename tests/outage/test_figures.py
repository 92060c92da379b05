"""What the outage is measured with: its figures, and the way on which adverts are late."""

import re

import pytest

from tests.e2e.book import DOCS
from tests.outage.__main__ import HEAD, row, within
from tests.outage.jitter import Held, is_advert_as_sent, marked
from tests.outage.stage import VRRP, Failover
from tests.outage.steadiness import PROFILES, TROUBLES, rows

ADVERT = bytes.fromhex("45c00020 12344000 ff700000 0a000002 0a000003") + b"advert in full"


@pytest.mark.parametrize(("count", "percent", "found"), [(100, 99, 99), (30, 99, 30), (1, 99, 1)])
def test_so_many_of_a_hundred_are_not_above_it(count: int, percent: int, found: int) -> None:
    values = [float(number) for number in range(count, 0, -1)]
    assert within(values, percent) == found


def test_a_row_has_the_figures_of_all_failovers_below_their_heads() -> None:
    seen = [
        Failover(outage_ms=outage, reaction_ms=outage / 2, lost=lost, jitter_ms=noise)
        for outage, lost, noise in ((100.0, 1, 12.0), (300.0, 3, 11.0), (200.0, 2, 13.0))
    ]
    cells = row("fast", "action 0 s", "hakeeper", seen=seen).strip("| ").split(" | ")
    assert dict(zip(HEAD[3:], cells[3:], strict=True)) == {
        "times": "3",
        "outage ms, median": "200",
        "99 %": "300",
        "worst": "300",
        "after MASTER, median": "100",
        "after MASTER, 99 %": "150",
        "after MASTER, worst": "150",
        "lost requests, median": "2",
        "lost requests, worst": "3",
        "noise ms, worst": "13",
    }


def test_packets_leave_when_their_time_has_come() -> None:
    held = Held()
    assert held.wait_s(0.0) is None
    held.hold(b"later", 2.0)
    held.hold(b"sooner", 1.0)
    assert held.wait_s(0.5) == 0.5
    assert list(held.due(0.5)) == []
    assert list(held.due(1.5)) == [b"sooner"]
    assert held.wait_s(3.0) == 0.0
    assert list(held.due(3.0)) == [b"later"]


def test_a_copy_is_told_from_what_keepalived_has_sent() -> None:
    copy = marked(ADVERT)
    assert is_advert_as_sent(ADVERT)
    assert not is_advert_as_sent(copy)
    assert (len(copy), copy[2:]) == (len(ADVERT), ADVERT[2:])
    assert not is_advert_as_sent(ADVERT[:9] + bytes([17]) + ADVERT[10:]), "UDP"


@pytest.mark.parametrize("profile", VRRP)
def test_a_profile_is_that_of_the_examples(profile: str) -> None:
    text = (DOCS.parent / f"conf/keepalived/{profile}-web-a.conf").read_text()
    [interval] = re.findall(r"^    advert_int (\S+)$", text, re.MULTILINE)
    [version] = re.findall(r"^    vrrp_version (\d)$", text, re.MULTILINE) or ["2"]
    tuned = re.findall(r"^    (max_auto_priority .*)$", text, re.MULTILINE)
    measured = VRRP[profile]
    assert (measured.advert_int_s, measured.version) == (float(interval), int(version))
    assert list(measured.more_globals) == tuned


def test_a_row_for_each_profile_and_what_else_there_is_against_busy_processors() -> None:
    for sort in TROUBLES:
        assert set(PROFILES) <= set(rows(sort, None))
    assert set(rows("loss", ["fast"])) == {"fast"}
    assert {name.partition(",")[0].split()[0] for name in rows("busy", ["fastest"])} == {"fastest"}
    assert len(rows("busy", ["fastest"])) == 4
