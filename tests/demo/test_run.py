"""The demo from end to end, as a viewer starts it."""

import json
import re

import pytest

from hakeeper.demo import recording
from hakeeper.demo.history import ADDRESS, ALIAS
from hakeeper.demo.lab import Lab
from tests.demo.running import Run, running

PHASES = ["sent", "accepted", "action finished", "holder confirmed"]
VERDICT = [
    r"203\.0\.113\.10 went web-a → web-b → web-a → web-b, and nowhere else",
    r"10\.99\.0\.100 went web-a → web-b → web-a → web-b, and nowhere else",
    r"a move left 10\.99\.0\.100 with nobody for [\d.]+ s at most \(limit: 2 s\)",
    r"other alias IPs stayed: 10\.99\.0\.201 on web-a, 10\.99\.0\.202 on web-b",
    "the one VRRP master had both at the end of all 4 parts",
    (
        r"\d+ assigns and \d+ changes of alias IPs were sent, each by the master of that moment, "
        "for itself"
    ),
    "every claim was confirmed by reading the holder back",
    r"the API refused web-b \d+ times in [\d.]+ s, and it kept trying",
    "the journal reported each kind of failure once: .*",
    r"203\.0\.113\.10 moved [\d.]+ s after the API's recovery \(promised: 15 s\)",
    r"10\.99\.0\.100 moved [\d.]+ s after the API's recovery \(promised: 15 s\)",
    "no hakeeper logged an error",
]


@pytest.fixture
def _real() -> None:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no lab with real keepalived here: {reason}")


def findings(run: Run) -> list[str]:
    """The verdict's sentences, of which one may go over two lines."""
    start = next(index for index, line in enumerate(run.lines) if line.startswith("Verdict"))
    text = "\n".join(run.lines[start + 1 :]).partition("\n\n")[0]
    return re.sub(r"\n {7}", " ", text).splitlines()


def assert_right(run: Run) -> None:
    assert 0 == run.wait(), run.text
    found = findings(run)
    assert len(VERDICT) == len(found)
    for wanted, line in zip(VERDICT, found, strict=True):
        assert re.fullmatch(f"ok     {wanted}", line)
    assert "Every holder was right." in run.text
    assert "WRONG" not in run.text
    assert max(map(len, run.lines)) < 80
    assert "\x1b" not in run.text
    for node, other in ("ab", "ba"):
        for way in (f"web-{other} → nobody", f"nobody → web-{node}"):
            assert f"10.99.0.100 moves: {way}" in run.text
        assert f"asks for 10.99.0.100: off web-{other}, then onto web-{node}" in run.text
    assert "two API calls with an action each" in " ".join(run.lines)


@pytest.mark.usefixtures("_real")
def test_the_demo_with_real_keepalived_is_right_and_leaves_nothing_behind() -> None:
    with running() as run:
        run.wait_for_text("503 to web-b")
        run.look()
        # The switch, two servers, on each D-Bus, keepalived with its child, hakeeper: many.
        assert len(run.seen) > 6
        assert 3 == len(run.namespaces)
        assert_right(run)
        run.assert_nothing_is_left()
    assert "REPLAYED" not in run.text
    assert "keepalived and hakeeper were real, Hetzner was simulated." in " ".join(run.lines)
    assert 4 == len(re.findall(r"cloud  holder     203\.0\.113\.10 moves: ", run.text))
    assert 7 == len(re.findall(r"cloud  holder     10\.99\.0\.100 moves: ", run.text))
    told = " ".join(run.text.split())
    assert 5 == len(re.findall(r"\. line →\d+→ sent →\d+→ accepted →\d+→ finished", told))
    assert 3 == len(re.findall(r"\. line →\d+→ sent →\d+→ 2nd accepted →\d+→ finished", told))


@pytest.mark.usefixtures("_real")
def test_the_summary_is_there_as_json_and_the_recording_is_what_keepalived_writes() -> None:
    with running("--json", "--no-pauses") as run:
        assert 0 == run.wait(), run.text
        run.assert_nothing_is_left()
    found = json.loads(run.text)
    assert found["ok"] is True
    assert "real" == found["keepalived"]
    assert ["web-a", "web-b", "web-a", "web-b"] == [one["holder"] for one in found["failovers"]]
    paths = [[one["holder"] for one in found["holders"][ip]] for ip in (ADDRESS, ALIAS)]
    assert [None, "web-a", "web-b", "web-a", "web-b"] == paths[0]
    assert [None, "web-a", None, "web-b", None, "web-a", None, "web-b"] == paths[1]
    assert len(VERDICT) == len(found["findings"])
    for one in found["failovers"]:
        assert [ADDRESS, ALIAS] == [move["address"] for move in one["moves"]]
        for move in one["moves"]:
            steps = [one["master_ms"], move["call_ms"], move["moved_ms"], move["confirmed_ms"]]
            assert sorted(steps) == steps
            assert PHASES == list(move["phases_ms"])
            assert one["holder"] == move["new"]
    assert found["failovers"][3]["tries"] > 1
    # By server, since of two lines at the same moment either may be read first.
    acts = (recording.START, recording.POWER_CUT, recording.RETURN, recording.POWER_CUT)
    for server in "ab":
        recorded = [line.text.split()[2] for act in acts for line in act if line.node == server]
        told = [
            one["role"]
            for one in found["roles"]
            if one["server"] == f"web-{server}" and one["role"] != "UNKNOWN"
        ]
        assert recorded == told


def test_the_replay_tells_the_same_story_and_says_clearly_that_it_is_one() -> None:
    with running("--replay", "--no-pauses") as run:
        run.wait_for_text("503 to web-b")
        run.look()
        assert {} == run.namespaces
        assert_right(run)
        run.assert_nothing_is_left()
    top = run.text.partition("1. Normal operation")[0]
    assert "REPLAYED   keepalived!" in top
    assert "hakeeper was real; keepalived was REPLAYED from a recording" in " ".join(run.lines[-3:])
    assert "keepalived says" not in run.text
    assert "web-a  recording  says MASTER" in run.text


def test_the_replay_as_json_says_that_it_is_one() -> None:
    with running("--replay", "--no-pauses", "--json") as run:
        assert 0 == run.wait(), run.text
        run.assert_nothing_is_left()
    found = json.loads(run.text)
    assert ("replayed", "--replay was asked for") == (found["keepalived"], found["replay_reason"])
    assert found["ok"] is True
