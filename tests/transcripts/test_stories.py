"""Each story is told as it was written down.

`HAKEEPER_REWRITE_TRANSCRIPTS=1` writes them anew: read the difference.
"""

import os
from difflib import unified_diff
from pathlib import Path
from typing import cast

import pytest

from hakeeper.core.kind import Kind
from hakeeper.kinds import KINDS
from tests.support.made_up_kind import BERTHS
from tests.transcripts.story import REWRITE, played
from tests.transcripts.vocabulary import StoryError

STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.fixture(autouse=True)
def _berths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the line that makes the made-up kind one of ours."""
    monkeypatch.setitem(cast("dict[str, Kind]", KINDS), BERTHS.name, BERTHS)


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_core_does_what_the_story_says(path: Path) -> None:
    text = played(path)
    if os.environ.get(REWRITE):
        path.write_text(text)
    both = (path.read_text().splitlines(), text.splitlines())
    changed = "\n".join(unified_diff(*both, "the story", "the core", lineterm=""))
    assert not changed, f"{path.name} has changed; {REWRITE}=1 writes it anew\n{changed}"


# --- stories that cannot be read ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number", "why"),
    [
        ("# only a comment\n\n", None, "there is no command in this story"),
        ("", None, "there is no command in this story"),
        ("# a comment\n    0.000  call  too soon\nstart\n", 2, "this is below no command"),
        ("start\nstrat\n", 2, "'strat' is none of answer, begin, berth, change, cloud,"),
        ("start\n\nrun\n", 3, "run: missing a required argument: 'seconds'"),
        ("run soon\n", 1, "'soon' is no number"),
        ("move web server2\n", 1, "'server2' is no server: write node1, node2, … or nobody"),
        ("move mail node2\n", 1, "'mail' is none of web"),
        ("node2:\n", 1, "'' is none of answer,"),
        ("unsaved\n", 1, "nothing was saved"),
    ],
)
def test_an_error_names_the_file_and_the_line(
    text: str, number: int | None, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "a_story.txt"
    path.write_text(text)
    with pytest.raises(StoryError) as raised:
        played(path)
    place = path if number is None else f"{path}:{number}"
    assert str(raised.value).startswith(f"{place}: {why}")


def test_what_else_breaks_names_the_command_too(tmp_path: Path) -> None:
    path = tmp_path / "a_story.txt"
    path.write_text("begin BACKUP\nquota few left\n")
    with pytest.raises(ValueError, match="invalid literal") as raised:
        played(path)
    assert [f"{path}:2: quota few left"] == raised.value.__notes__


def test_what_the_core_did_is_written_anew_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "a_story.txt"
    path.write_text("# Why.\n\nbegin BACKUP\n    stale\n\n# And then.\nrun 1\n")
    lines = played(path).splitlines()
    assert ["# Why.", "", "begin BACKUP", "", "# And then.", "run 1"] == [
        line for line in lines if not line.startswith(" ")
    ]
    assert "     61.000  status   ok: VI_1 BACKUP; API ok" in lines
    assert "    stale" not in lines
