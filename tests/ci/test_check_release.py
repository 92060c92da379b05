"""A release is made only where tag, version and both changelogs agree."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {
    "hakeeper/__init__.py": '"""Doc."""\n\n__version__ = "1.2.3"\n',
    "debian/changelog": """\
hakeeper (1.2.3) unstable; urgency=medium

  * New.

 -- The hakeeper authors <x@y>  Tue, 01 Dec 2026 06:00:00 +0000

hakeeper (1.2.2) unstable; urgency=medium

  * Old.

 -- The hakeeper authors <x@y>  Tue, 24 Nov 2026 06:00:00 +0000
""",
    "CHANGELOG.md": """\
# Changelog

## Unreleased

## 1.2.3 - 2026-12-01

### Added

- New.

## 1.2.2 - 2026-11-24

- Old.
""",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/check-release", tmp_path / ".ci")
    return tmp_path


def check(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = [str(tree / ".ci/check-release"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_where_all_agree_the_notes_are_printed(tree: Path) -> None:
    done = check(tree, "v1.2.3")

    assert (0, "### Added\n\n- New.\n", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "hakeeper/__init__.py", '"1.2.3"', '"1.2.2"',
            'hakeeper/__init__.py: write __version__ = "1.2.3"',
        ),
        (
            "debian/changelog", "(1.2.3)", "(1.2.4)",
            "debian/changelog: its newest entry is of 1.2.4, not of 1.2.3",
        ),
        (
            "debian/changelog", "(1.2.3) unstable", "(1.2.3) UNRELEASED",
            "debian/changelog: its newest entry is UNRELEASED; write the suite, unstable",
        ),
        (
            "debian/changelog", "01 Dec", "02 Dec",
            'CHANGELOG.md: write what is new beneath "## 1.2.3 - 2026-12-02"',
        ),
        (
            "CHANGELOG.md", "### Added\n\n- New.\n", "",
            'CHANGELOG.md: write what is new beneath "## 1.2.3 - 2026-12-01"',
        ),
        (
            "CHANGELOG.md", "Unreleased\n", "Unreleased\n\n- Left.\n",
            'CHANGELOG.md: move what stands beneath "## Unreleased" to "## 1.2.3 - 2026-12-01"',
        ),
        (
            "debian/changelog", "hakeeper (1.2.3)", "other (1.2.3)",
            "debian/changelog: does not begin with an entry of hakeeper",
        ),
    ],
)  # fmt: skip
def test_what_disagrees_is_reported_with_what_to_write(
    tree: Path, name: str, old: str, new: str, said: str
) -> None:
    path = tree / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    done = check(tree, "v1.2.3")

    assert (1, "", f"{said}\n") == (done.returncode, done.stdout, done.stderr)


def test_every_difference_is_reported_at_once(tree: Path) -> None:
    assert len(check(tree, "v2.0.0").stderr.splitlines()) == 3


@pytest.mark.parametrize(
    "arguments", [(), ("1.2.3",), ("v1.2",), ("v1.2.3", "v1.2.3"), ("v1.2.3 ",)]
)
def test_something_else_than_a_tag_is_refused(tree: Path, arguments: tuple[str, ...]) -> None:
    done = check(tree, *arguments)

    assert (1, "", "check-release: expected one tag, such as v1.2.3\n") == (
        done.returncode, done.stdout, done.stderr
    )  # fmt: skip


def test_the_files_of_the_project_can_be_read_so() -> None:
    done = check(ROOT, "v0.0.0")

    assert done.returncode == 1
    assert 'hakeeper/__init__.py: write __version__ = "0.0.0"\n' in done.stderr
    assert "debian/changelog: its newest entry is of " in done.stderr
