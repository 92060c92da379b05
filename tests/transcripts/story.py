"""A story: commands, and below each what the core made of it.

A line that begins with a space is what the core did, `#` begins a comment, and all other lines are
commands. A story is played anew from its commands; whoever rewrites it keeps them and its comments.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.transcripts.account import Account
from tests.transcripts.commands import Scene, do
from tests.transcripts.vocabulary import StoryError

REWRITE: Final = "HAKEEPER_REWRITE_TRANSCRIPTS"
"""With this in the environment the tests write the stories anew."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that somebody wrote: a command, a comment or nothing."""

    number: int
    text: str

    @property
    def is_command(self) -> bool:
        return bool(self.text) and not self.text.startswith("#")


def written(path: Path) -> list[Line]:
    """Return the lines of a story without what the core did."""
    lines: list[Line] = []
    commands = 0
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if text[:1].isspace():
            if not commands:
                raise StoryError(f"{path}:{number}: this is below no command")
            continue
        lines.append(Line(number, text))
        commands += lines[-1].is_command
    if not commands:
        raise StoryError(f"{path}: there is no command in this story")
    return lines


def played(path: Path) -> str:
    """Play a story; return the whole text as it has to be."""
    scene = Scene()
    account = Account(scene.world)
    told: list[str] = []
    for line in written(path):
        told.append(line.text)
        if line.is_command:
            with _at(path, line):
                shown = do(scene, line.text)
            told += [*account.lines(brief=scene.is_brief), *(f"    {one}" for one in shown)]
    return "\n".join(told) + "\n"


@contextmanager
def _at(path: Path, line: Line) -> Iterator[None]:
    """Let every error say which command it comes from."""
    try:
        yield
    except StoryError as error:
        raise StoryError(f"{path}:{line.number}: {error}") from None
    except Exception as error:
        error.add_note(f"{path}:{line.number}: {line.text}")
        raise
