"""The runner, tried on a small package of which it is known what its tests notice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.mutants import mutants

LIMITS = "FLOOR = 3\n\n\ndef over(value: int) -> bool:\n    return value > FLOOR\n"
TESTS = """\
from planted.limits import over

def test_over():
    assert over(5)
    assert not over(2)
"""
AT_THE_EDGE = "planted/limits.py over\n- return value > FLOOR\n+ return value >= FLOOR"


def outcome(project: Path, module: str, tests: str, *options: str) -> tuple[int, str]:
    (project / "planted").mkdir(exist_ok=True)
    (project / "planted" / "limits.py").write_text(module)
    (project / "tests").mkdir(exist_ok=True)
    (project / "tests" / "test_limits.py").write_text(tests)
    command = [sys.executable, "-m", "tests.mutation", "--package=planted", "--tests=tests"]
    done = subprocess.run(
        [*command, "--page=page.md", *options],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_no_test_notices_survives_and_has_to_be_on_the_page(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, LIMITS, TESTS)
    assert AT_THE_EDGE in said
    assert "planted/limits.py:5" in said
    assert "+ return value <= FLOOR" not in said
    assert "4 mutants: 1 killed, 3 survived; noticed: 25.0 %" in said
    assert 1 == status
    (tmp_path / "page.md").write_text(said)
    status, said = outcome(tmp_path, LIMITS, TESTS)
    assert "4 mutants: 1 killed, 3 survived, known; noticed: 25.0 %" in said
    assert 0 == status


def test_a_mutant_that_never_ends_is_ended_and_counts_as_noticed(tmp_path: Path) -> None:
    module = "def length(items):\n    while items[1:]:\n        items = items[1:]\n"
    tests = "from planted.limits import length\n\ndef test_length():\n    length([7, 7])\n"
    _, said = outcome(tmp_path, module, tests)
    assert "killed by the time limit" in said
    assert "+ items = items[:]" not in said


def test_a_seed_draws_the_same_sample_each_time(tmp_path: Path) -> None:
    once, again = (outcome(tmp_path, LIMITS, TESTS, "--sample=2", "--seed=5") for _ in range(2))
    assert once == again
    assert "2 mutants: " in once[1]


def test_tests_that_fail_by_themselves_judge_nothing(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, LIMITS, "def test_bad():\n    assert False\n")
    assert "the tests fail without any mutant" in said
    assert 0 != status


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = a < b", {"x = a <= b", "x = a >= b"}),
        ("x = (a or b) and c", {"x = (a or b) or c", "x = (a and b) and c", "x = a or b", "x = c"}),
        ("x = f'{a}'", {"x = 'XX'"}),
        ("x = sorted(min(a), key=b)", {"x = list(min(a))", "x = sorted(max(a), key=b)"}),
        ("x = float('-inf')", {"x = 0.0", "x = float('inf')"}),
        ("x = 2.0", {"x = 3.0", "x = 1.0"}),
        ("x = {1: a, 2: b}", {"x = {2: b}", "x = {1: a}"}),
        ("x = replace(a, b=c)", {"x = replace(a)"}),
        ("x = [a for a in b if a]", {"x = [a for a in b if True]", "x = [a for a in b if not a]"}),
        ("def f(a):\n    a.b = 1", {"pass", "a.b = 2", "a.b = 0"}),
        ("def f() -> bool:\n    return a()", {"return not a()"}),
        ("def f():\n    return a()", {"return None"}),
        ("for a in b:\n    continue", {"for a in ():", "break"}),
        ("match a:\n    case B() | C():\n        d = b", {"case B():", "case B() | C() if False:"}),
    ],
)
def test_each_kind_of_fault_is_planted(before: str, after: set[str], tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(before)
    assert after <= {mutant.diff().split("\n+ ")[1] for mutant in mutants(path)}


def test_annotations_docstrings_and_what_is_never_reached_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        '"""Text."""\n@dataclass(frozen=True)\nclass A:\n    """Text."""\n\n    a: "B" | None\n'
        "    '''Text.'''\nmatch a:\n    case _:\n        assert_never(a)\n"
    )
    assert [] == list(mutants(path))
