"""Every line that the documents have an operator type is typed by a test: the list in typed.md."""

import os
import re
import shlex
from pathlib import Path

import pytest

from hakeeper.cli.main import full_parser
from tests.e2e.book import DOCS, sections, typed_in

ROOT = DOCS.parent
LIST = Path(__file__).with_name("typed.md").read_text()
_TOP = "(top)"
"""What stands before the first heading."""


def found() -> dict[tuple[str, str], list[str]]:
    """Return all lines that there are for operators, by page and section."""
    documents = [ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("de/*.md")]
    pages = [os.path.relpath(path, DOCS) for path in [*documents, *ROOT.glob("conf/**/*.md")]]
    return {
        (page, heading or _TOP): lines
        for page in pages
        for heading, text in sections(page).items()
        if (lines := typed_in(text))
    }


FOUND = found()
ROWS = [
    line.strip("| ").split(" | ") for line in LIST.splitlines() if re.match(r"\| .*\.md ", line)
]
LISTED = {(page, heading): (int(number), by) for page, heading, number, by in ROWS}
_TEST = r"(tests/[\w/]+\.py)::(\w+)"
NAMED = sorted({(page, *test) for page, _, _, by in ROWS for test in re.findall(f"`{_TEST}`", by)})
HAKEEPERS = [
    words
    for lines in FOUND.values()
    for line in lines
    for part in re.split(r"&&|[;|>']", line)
    if (words := part.removeprefix("sudo ").strip()).startswith("hakeeper ")
]


def test_no_line_is_without_a_test_or_a_reason() -> None:
    """A new section is to be listed; one that has other lines than before, to be looked at."""
    assert len(ROWS) == len(LISTED)
    counted = {key: len(lines) for key, lines in FOUND.items()}
    assert counted == {key: number for key, (number, _) in LISTED.items()}


@pytest.mark.parametrize(("path", "name"), dict.fromkeys(re.findall(_TEST, LIST)))
def test_the_test_is_there(path: str, name: str) -> None:
    """Those in reasons, too."""
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize(("page", "path"), sorted({(page, path) for page, path, _ in NAMED}))
def test_the_test_reads_the_page(page: str, path: str) -> None:
    assert any(Path(page).name in each for each in texts_behind(path))


def texts_behind(path: str) -> list[str]:
    """Return the text of a test, those of the modules that it imports, and of its fixtures'."""
    text, fixtures = (ROOT / path).read_text(), (ROOT / path).with_name("conftest.py")
    if fixtures.exists():
        text += fixtures.read_text()
    modules = [
        f"{package}.{name.strip()}".replace(".", "/")
        for package, names in re.findall(r"^from (tests[\w.]*) import (.*)$", text, re.MULTILINE)
        for name in ("", *names.split(","))
    ]
    files = [ROOT / f"{module.rstrip('/')}.py" for module in modules]
    return [text, *(file.read_text() for file in files if file.exists())]


@pytest.mark.parametrize("line", dict.fromkeys(HAKEEPERS))
def test_hakeeper_understands_the_line(line: str) -> None:
    """SystemExit is raised if it does not."""
    full_parser().parse_args(shlex.split(line)[1:])


def test_the_readmes_way_to_install_is_the_tutorials() -> None:
    """Two of its lines, which are in README.md as well."""
    install, init = FOUND["../README.md", "Install"]
    assert FOUND["tutorial.md", "2. Both servers: a website and hakeeper"][0].startswith(install)
    assert FOUND["tutorial.md", "4. The first server: set it up"] == [init]
