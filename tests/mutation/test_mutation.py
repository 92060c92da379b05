"""The runner, tried on a small package of which it is known what its tests notice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation import survivors
from tests.mutation.mutants import mutants

LIMITS = '''\
"""Text that nobody mutates."""

from typing import TypeAlias

Number: TypeAlias = int | float
FLOOR = 3


def over(value: int) -> bool:
    return value > FLOOR
'''
TESTS = """\
from planted.limits import over

def test_over():
    assert over(5)
    assert not over(2)
"""
THE_EDGE = """\
limits.py over
-    return value > FLOOR
+    return value >= FLOOR"""
LENGTH = """\
def length(items):
    while items[1:]:
        items = items[1:]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "__init__.py").write_text("")
    (tmp_path / "planted" / "limits.py").write_text(LIMITS)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_limits.py").write_text(TESTS)
    return tmp_path


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.mutation", "--package=planted", "--tests=tests"]
    return subprocess.run(
        [*command, "--page=page.md", "--memory=memory", *options],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


def diffs_of(text: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "module.py"
    path.write_text(text)
    return [mutant.diff().split("\n", 1)[1] for mutant in mutants(path)]


def test_what_the_tests_do_not_notice_survives_and_what_they_notice_is_killed(
    project: Path,
) -> None:
    done = run(project, "--write")

    assert THE_EDGE in done.stdout, done.stderr
    assert "+    return value <= FLOOR" not in done.stdout
    assert "| limits.py | 4 | 1 | 0 | 3 | 25.0 % |" in done.stdout
    assert 1 == done.returncode, "less than 90 % were noticed"
    assert 0 == run(project, "--least=25").returncode
    assert [THE_EDGE] == [d for d in survivors.reasons(project / "page.md") if "over" in d]


def test_a_mutant_that_never_ends_is_ended_and_counts_as_noticed(project: Path) -> None:
    (project / "planted" / "limits.py").write_text(LENGTH)
    (project / "tests" / "test_limits.py").write_text(
        "from planted.limits import length\n\ndef test_length():\n    length([7, 7])\n"
    )
    done = run(project)

    assert "+        items = items[:]" not in done.stdout
    assert "| limits.py | 7 | 0 | 2 | 5 | 28.6 % |" in done.stdout


def test_what_the_nearest_tests_do_not_notice_the_others_may(project: Path) -> None:
    (project / "tests" / "test_more.py").write_text(
        "from planted import limits\n\ndef test_floor():\n    assert 3 == limits.FLOOR\n"
    )
    done = run(project)

    assert "| limits.py | 4 | 3 | 0 | 1 | 75.0 % |" in done.stdout


def test_a_reason_stays_on_the_page_as_long_as_its_mutant_lives(project: Path) -> None:
    page = project / "page.md"
    gone = THE_EDGE.replace("FLOOR", "CEILING")
    page.write_text(
        f"# Old\n\n## The edge\n\nNobody asks at it.\n\n"
        f"```diff\n{THE_EDGE}\n```\n\n```diff\n{gone}\n```\n"
    )
    done = run(project, "--write")

    assert "survived, a comparison (The edge)\n" in done.stdout
    known = survivors.reasons(page)
    assert "## The edge\n\nNobody asks at it." == known[THE_EDGE]
    assert gone not in known
    assert {f"## {survivors.UNEXPLAINED}", known[THE_EDGE]} == set(known.values())


def test_a_second_run_tries_only_what_survived_and_what_is_new(project: Path) -> None:
    run(project)
    tests = project / "tests" / "test_limits.py"
    tests.write_text(TESTS.replace("assert not over(2)", "assert not over(3)"))
    limits = project / "planted" / "limits.py"
    limits.write_text(LIMITS + "\n\ndef under(value: int) -> bool:\n    return value < 1\n")
    done = run(project, "--again")

    assert "| limits.py | 8 | 3 | 0 | 5 | 37.5 % |" in done.stdout
    assert 5 == done.stdout.count("survived, ")


def test_a_suite_that_fails_by_itself_judges_nothing(project: Path) -> None:
    (project / "tests" / "test_bad.py").write_text("def test_bad():\n    assert False\n")
    done = run(project)
    assert "the tests fail without any mutant" in done.stderr
    assert 0 != done.returncode


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = a < b", {"x = a <= b", "x = a >= b"}),
        ("x = (a or b) and c", {"x = ((a and b)) and c", "x = (a or b) or c"}),
        ("x = f'{a}'", {'x = "XX"'}),
        ("x = min(a)", {"x = max(a)"}),
        ("x = float('-inf')", {"x = 0.0", 'x = float("inf")'}),
        ("x = 2.0", {"x = 3.0", "x = 1.0"}),
        ("x = [a for a in b if a]", {"x = [a for a in b if True]", "x = [a for a in b if not a]"}),
        ("x = y if a else z", {"x = y if (not a) else z"}),
        ("def f(a):\n    a.b = 1", {"    pass", "    a.b = 2", "    a.b = 0"}),
        ("def f() -> bool:\n    return a()", {"    return not a()"}),
        ("for a in b:\n    continue", {"    break"}),
        ("match a:\n    case B() if c:\n        d = b", {"    case B() if False:"}),
        ("match a:\n    case B() | C():\n        d = b", {"    case B():", "    case C():"}),
    ],
)
def test_the_operators_do_what_they_say(before: str, after: set[str], tmp_path: Path) -> None:
    made = {diff.split("\n+")[1] for diff in diffs_of(before, tmp_path)}
    assert after <= made


def test_annotations_docstrings_and_what_is_never_reached_are_left_alone(tmp_path: Path) -> None:
    text = (
        '"""Text."""\n@dataclass(frozen=True)\nclass A:\n    """Text."""\n\n    a: "B" | None\n'
        "    '''Text.'''\nmatch a:\n    case _:\n        assert_never(a)\n"
    )
    assert [] == diffs_of(text, tmp_path)
