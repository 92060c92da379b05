"""What the documents for contributors name is there: paths, names in files, commands, addresses."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.generated_docs import REWRITE
from tests.transcripts.story import REWRITE as REWRITE_TRANSCRIPTS

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_SPAN = re.compile(r"`([^`\n]+)`")
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NAMES_IN_FILE = re.compile(r"`([\w./-]+\.\w+)` \(((?:`\w+`(?:, )?)+)\)")
_FILE = re.compile(r"\.?[\w-]+\.(?:md|toml|yaml|yml|py|conf)$")


def commands(text: str) -> Iterator[str]:
    """Everything that a document tells its reader to run."""
    for block in _BLOCK.findall(text):
        yield from (line.strip() for line in block.splitlines() if line.strip())
    yield from (span for span in _SPAN.findall(text) if " " in span or span.startswith("."))


def paths(text: str) -> set[str]:
    """Everything in backticks, or given to pytest, that is a path of the repository."""
    spans = {span for span in _SPAN.findall(text) if " " not in span}
    named = {one for one in spans if "/" in one.strip("/") or one.endswith("/") or _FILE.match(one)}
    given = {word for line in commands(text) if "pytest" in line for word in line.split()}
    return named | {word for word in given if word.startswith("tests/")}


def missing_paths(text: str) -> list[str]:
    """The paths that are not there."""
    made = {".venv", "hakeeper.yaml", "keepalived.conf"}
    return sorted(one for one in paths(text) - made if not (ROOT / one).exists())


def missing_names(text: str) -> list[str]:
    """The names that do not stand in the file before them."""
    return [
        f"{path}: {name}"
        for path, names in _NAMES_IN_FILE.findall(text)
        for name in _SPAN.findall(names)
        if not re.search(rf"\b{name}\b", (ROOT / path).read_text())
    ]


def targets() -> set[str]:
    """The targets of the Makefile that are for people."""
    return set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def wrong_targets(text: str) -> set[str]:
    """The words after `make` that are no targets."""
    words = {
        word
        for line in commands(text)
        for command in re.findall(r"(?:^|&& )make ([^&|]*)", line)
        for word in command.split()
        if "=" not in word
    }
    return words - targets()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_is_there(name: str) -> None:
    assert missing_paths((ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_name_stands_in_the_file_that_is_named_with_it(name: str) -> None:
    assert missing_names((ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_target_of_make_is_there(name: str) -> None:
    assert wrong_targets((ROOT / name).read_text()) == set()


def test_what_is_wrong_would_be_found() -> None:
    text = (
        "`hakeeper/none.py`, `NONE.md`, `make nothing X=1`\n"
        "`hakeeper/exits.py` (`OK`, `NOT_THERE`)\n"
        "```sh\nmake setup none && make neither\npython -m pytest tests/none\n```\n"
    )
    assert missing_paths(text) == ["NONE.md", "hakeeper/none.py", "tests/none"]
    assert missing_names(text) == ["hakeeper/exits.py: NOT_THERE"]
    assert wrong_targets(text) == {"nothing", "none", "neither"}


def test_the_map_names_much() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert {"hakeeper/core/roles/lines.py", "tests/core/", "CHANGELOG.md"} <= paths(text)
    assert len(paths(text)) > 50
    assert len(_NAMES_IN_FILE.findall(text)) > 8
    assert {"setup", "demo", "lint", "core-tests"} <= {
        word for line in commands(text) if line.startswith("make") for word in line.split()
    }


def test_the_commands_of_one_test_select_some() -> None:
    lines = [line for line in commands((ROOT / "CONTRIBUTING.md").read_text()) if " -k " in line]
    assert lines
    for line in lines:
        argv = [*line.split(), "--collect-only", "-q", "-p", "no:cacheprovider"]
        subprocess.run(argv, cwd=ROOT, capture_output=True, check=True)


def test_what_rewrites_documents_and_transcripts_is_asked_for_by_that_name() -> None:
    named = set(re.findall(r"HAKEEPER_\w+", (ROOT / "CONTRIBUTING.md").read_text()))
    assert named == {REWRITE, REWRITE_TRANSCRIPTS}


# --- where the project is, and who ----------------------------------------------------------------

HOME = PROJECT["urls"]["Source"]


def test_the_addresses_of_the_project_are_of_one_place() -> None:
    urls = set(PROJECT["urls"].values())
    for name in (
        *DOCUMENTS,
        ".github/ISSUE_TEMPLATE/config.yml",
        "debian/control",
        "debian/copyright",
    ):
        urls |= set(re.findall(r"https://github\.com/[^\s)>]+", (ROOT / name).read_text()))
    assert len(urls) > 5
    assert {url for url in urls if url.removesuffix(".git") != HOME} == {
        url for url in urls if url.startswith(f"{HOME}/")
    }
    for url in urls:
        page = re.fullmatch(rf"{HOME}/(?:blob|tree)/main/(.*)", url)
        assert page is None or (ROOT / page[1]).exists(), url


def test_the_maintainers_have_one_address_and_it_may_exist() -> None:
    [author] = PROJECT["authors"]
    assert not author["email"].endswith((".invalid", ".example", ".test", ".localhost"))
    for name in ("debian/control", "debian/changelog", "debian/copyright"):
        found = set(re.findall(r"<(\S+@\S+)>", (ROOT / name).read_text()))
        assert found == {author["email"]}, name
