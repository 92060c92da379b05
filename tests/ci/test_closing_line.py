"""The last line of CI, which tells of two runs of pytest at once."""

import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / ".ci/closing-line"
GOOD = "x\n===== 20 passed in 3.00s =====\n"
BAD = "x\n== 1 failed, 10 passed, 2 warnings, 2 errors in 300.50s (0:05:00) ==\ncoverage\n"
NONE = "ruff: no\n"


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([("0", GOOD), ("0", GOOD)], "40 passed in 6.00s"),
        ([("1", BAD), ("0", GOOD)], "1 failed, 30 passed, 2 warning, 2 error in 303.50s"),
        ([("2", NONE), ("0", GOOD)], "20 passed, 1 error in 3.00s"),
        ([("2", GOOD), ("0", GOOD)], "40 passed, 1 error in 6.00s"),
        ([("2", NONE), ("2", NONE)], "2 error in 0.00s"),
    ],
)
def test_it_tells_of_both_runs(tmp_path: Path, runs: list[tuple[str, str]], told: str) -> None:
    arguments = []
    for number, (status, text) in enumerate(runs):
        log = tmp_path / str(number)
        log.write_text(text)
        arguments.append(f"{status}={log}")
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True)

    assert done.stdout.strip("=\n ") == told
    assert done.stdout.startswith("====")
