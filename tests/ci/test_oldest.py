"""`make oldest-tests` has the oldest dependencies that the package's metadata allows."""

import shutil
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def said(root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([root / ".ci/oldest"], capture_output=True, text=True, check=False)


def copied(to: Path, wrong: str, right: str) -> Path:
    (to / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/oldest", to / ".ci")
    text = (ROOT / "pyproject.toml").read_text()
    assert text.count(right) == 1
    (to / "pyproject.toml").write_text(text.replace(right, wrong))
    return to


def test_each_dependency_is_bound_to_its_oldest_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["metrics"]]
    done = said(ROOT)
    assert (0, "") == (done.returncode, done.stderr)
    assert [each.replace(">=", "==") for each in wanted] == done.stdout.splitlines()


def test_a_dependency_without_an_oldest_version_is_refused(tmp_path: Path) -> None:
    root = copied(tmp_path, '"hcloud"', '"hcloud>=2.3"')
    done = said(root)
    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr == (
        f"{root}/pyproject.toml: dependencies: 'hcloud' has to name its oldest version, such as"
        " 'h11>=0.16'\n"
    )
