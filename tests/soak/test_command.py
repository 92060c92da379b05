"""`python -m tests.soak`: what it prints, writes and returns."""

import json
import sys
from pathlib import Path

import pytest

from hakeeper.demo.lab import Lab
from hakeeper.demo.lab import daemon as lab_daemon
from tests.soak.__main__ import main
from tests.soak.test_sabotage import SICK_HAKEEPER


@pytest.fixture(autouse=True)
def _lab_is_possible() -> None:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no lab with real keepalived here: {reason}")


def test_a_clean_soak_tells_its_seed_and_figures_and_returns_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "soak.json"
    assert 0 == main(["--seed", "3", "--failovers", "1", "--json", str(found)])
    printed = capsys.readouterr().out
    assert printed.startswith("seed 3: python -m tests.soak --seed 3 ")
    assert "no violation" in printed
    assert "line -> assign (ms)" in printed
    document = json.loads(found.read_text())
    assert document["violation"] is None
    assert document["moves"]["failover"] >= 1
    assert len(document["moves_one_by_one"]) == sum(document["moves"].values())
    assert set(document["vitals"]) == {"a", "b"}


def test_a_violation_is_reported_with_its_story_command_and_logs_and_returns_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab_daemon, "HAKEEPER", (sys.executable, str(SICK_HAKEEPER), "dead"))
    logs = tmp_path / "logs"
    assert 1 == main(["--seed", "3", "--failovers", "1", "--logs", str(logs)])
    printed = capsys.readouterr().out
    assert "ended unasked, with exit code 3" in printed
    assert "to repeat: python -m tests.soak --seed 3 --nodes 2" in printed
    assert f"logs: {logs}" in printed
    kept = {str(path.relative_to(logs)) for path in logs.rglob("*") if path.is_file()}
    assert {"a/hakeeper.log", "a/keepalived.log", "story.txt", "requests.txt"} <= kept
    assert not any(path.endswith("token") for path in kept)
