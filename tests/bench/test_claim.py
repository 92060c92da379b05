"""The bench sees what comes before the assign; with the real cloud, scripts and daemon."""

import contextlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest

from hakeeper.demo.cloud import LoggedRequest
from tests.bench import claim, page, picture, rig
from tests.bench.claim import BARE, FLOOR, HAKEEPER, WAYS, Observer, Sample, Way


def request(seq: int, method: str, path: str, received_s: float) -> LoggedRequest:
    return LoggedRequest(
        seq=seq,
        connection=1,
        client="a",
        method=method,
        path=f"/v1{path}",
        query="",
        body="",
        correlation_id="",
        received_s=received_s,
    )


READ = request(1, "GET", "/floating_ips", 10.005)
ASSIGN = request(2, "POST", "/floating_ips/7/actions/assign", 10.012)


def made_up(sample: Sample) -> dict[str, Any]:
    """Figures in which every way at every round-trip time had this one event."""
    each = claim.figures([sample])
    return {"rtts_ms": [0, 20], "ways": {way: {"0": each, "20": each} for way in WAYS}}


def test_a_read_before_the_assign_is_counted_and_told() -> None:
    sample = Sample(10.0, [READ, ASSIGN], warm=True)
    assert 1 == sample.calls_before
    assert 12.0 == pytest.approx(sample.ms)
    told = claim.tables(made_up(sample))
    assert "the first API call after the event in 0 of 2 events" in told


def test_an_assign_that_comes_first_is_told_as_such() -> None:
    sample = Sample(10.0, [ASSIGN, READ], warm=False)
    assert 0 == sample.calls_before
    told = claim.tables(made_up(sample))
    assert "the first API call after the event in 2 of 2 events" in told
    assert "a connection used before in 0." in told


INTERVAL_S = 20.0
"""Long: on a machine that is busy, too, the event comes well before the standby's next read."""


@pytest.fixture(scope="module")
def ways() -> Iterator[tuple[Observer, dict[str, Way]]]:
    """All ways at no round-trip time."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(rig.folder())
        cloud = stack.enter_context(rig.cloud(place / "cloud"))
        stage = claim.Stage(place, cloud, stack, INTERVAL_S)
        yield Observer(cloud.front), dict(stage.ways(0))


@pytest.mark.parametrize(
    ("way", "calls"), [(BARE, 0), (FLOOR, 0), ("curl, ids known", 0), ("hcloud-cli", 2)]
)
def test_what_each_way_asks_before_it_assigns(
    ways: tuple[Observer, dict[str, Way]], way: str, calls: int
) -> None:
    observer, made = ways
    sample = observer.sample(made[way])
    assert calls == sample.calls_before
    assert sample.ms > 0


def test_the_daemon_is_a_warm_standby_whose_assign_comes_first(
    ways: tuple[Observer, dict[str, Way]],
) -> None:
    observer, made = ways
    for _ in range(2):  # the second time it has to become a standby again
        sample = observer.sample(made[HAKEEPER])
        assert 0 == sample.calls_before
        assert sample.warm


def test_the_page_is_filled_between_its_marks() -> None:
    text = "before\n<!-- bench:claim -->\nold 1\n<!-- /bench:claim -->\nafter\n"
    filled = page.fill(text, {"claim": "new \\1\n"})
    assert "before\n<!-- bench:claim -->\nnew \\1\n<!-- /bench:claim -->\nafter\n" == filled
    with pytest.raises(ValueError, match="bench:many"):
        page.fill(text, {"many": "x\n"})


def test_the_picture_is_well_formed_and_shows_every_way() -> None:
    drawn = picture.draw(made_up(Sample(10.0, [ASSIGN], warm=True)))
    root = ET.fromstring(drawn)  # noqa: S314  # our own
    shown = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    for way in picture.WAYS:
        assert 2 == shown.count(way)
    assert "prefers-color-scheme: dark" in drawn
