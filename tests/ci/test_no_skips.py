"""The hook in tests/conftest.py, tried on a small suite of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SUITE = """
import pytest
def test_runs(): pass
@pytest.mark.skip(reason="by mark")
def test_marked(): pass
def test_calls(): pytest.skip("by call")
@pytest.fixture
def unfit(): pytest.skip("by fixture")
def test_fixture(unfit): pass
@pytest.mark.xfail(strict=True)
def test_expected_failure(): assert False
"""


def _run(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in {"CI", "HAKEEPER_NO_SKIPS"}}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-n0",
            "--rootdir=.",
            "--basetemp=temporary",
        ],
        cwd=folder,
        env=clean | environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_suite.py").write_text(SUITE)
    return tmp_path


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"HAKEEPER_NO_SKIPS": "1"}])
def test_in_ci_every_skip_is_a_failure_with_its_name(suite: Path, environ: dict[str, str]) -> None:
    result = _run(suite, **environ)
    assert result.returncode == 1
    assert "1 passed, 1 xfailed" in result.stdout
    for name in ("test_marked", "test_calls", "test_fixture"):
        assert f"{name} was skipped, which CI does not allow" in result.stdout


def test_in_ci_a_module_that_skips_itself_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_whole.py").write_text("import pytest\npytest.importorskip('no_such')\n")
    result = _run(tmp_path, CI="true")
    assert result.returncode != 0
    assert "test_whole.py was skipped, which CI does not allow" in result.stdout


def test_elsewhere_a_skip_is_a_skip(suite: Path) -> None:
    result = _run(suite)
    assert result.returncode == 0
    assert "1 passed, 3 skipped, 1 xfailed" in result.stdout
