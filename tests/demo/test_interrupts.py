"""Ctrl-C, SIGTERM and a closed terminal, at any moment: it ends, and nothing is left behind."""

import signal

import pytest

from hakeeper.demo.lab import Lab
from tests.demo.running import LIMIT_S, running
from tests.support.waiting import eventually

MOMENTS = {
    "while the lab is built": "hakeeper demo:",
    "while hakeeper starts": "1. Normal operation",
    "while keepalived starts": "web-b  hakeeper   has identified",
    "during a claim": "asks for 203.0.113.10",
    "between the two calls for the alias IP": "moves: web-a → nobody",
    "after a power cut": "power      is cut",
    "while a server starts": "power      is back",
    "in the outage": "503 to web-b",
}


@pytest.fixture(autouse=True)
def _real() -> None:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no lab with real keepalived here: {reason}")


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
def test_ctrl_c_ends_the_demo_at_any_moment_and_leaves_nothing_behind(moment: str) -> None:
    with running("--no-pauses", terminal=True) as run:
        run.wait_for_text(moment)
        run.look()
        run.type(b"\x03")
        assert 130 == run.wait(), run.text
        run.assert_nothing_is_left()
    assert "interrupted; everything was cleaned up" in run.text
    assert "Traceback" not in run.text
    assert "\x1b[1mhakeeper demo:" in run.text, "a terminal has colours"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("arguments", [[], ["--replay"], ["--json"]], ids=str)
def test_a_signal_ends_the_demo_in_order(
    arguments: list[str], number: signal.Signals, code: int
) -> None:
    with running("--no-pauses", *arguments) as run:
        eventually(lambda: len(list(run.folder.glob("*/*/hakeeper.log"))) == 2, timeout_s=LIMIT_S)
        run.look()
        assert len(run.seen) > 2
        run.process.send_signal(number)
        assert code == run.wait(), run.text
        run.assert_nothing_is_left()
    assert "interrupted; everything was cleaned up" in run.text


def test_an_impatient_viewer_is_heard_once_and_the_cleaning_up_is_not_disturbed() -> None:
    with running("--no-pauses") as run:
        run.wait_for_text("asks for 203.0.113.10")
        run.look()
        run.process.send_signal(signal.SIGINT)
        run.process.send_signal(signal.SIGTERM)
        assert 130 == run.wait(), run.text
        run.assert_nothing_is_left()


def test_a_reader_that_goes_away_ends_the_demo_and_leaves_nothing_behind() -> None:
    head = ("bash", "-c", 'set -o pipefail; "$@" | head -n 25', "bash")
    with running("--no-pauses", wrapper=head) as run:
        assert 141 == run.wait(), run.text
        run.assert_nothing_is_left()
    assert 25 == len(run.lines)
