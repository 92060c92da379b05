"""The include lines of keepalived.conf: which lines are, and those that include nothing."""

from hakeeper.doctor.conf.files import SkippedFileError
from hakeeper.doctor.conf.records import Ignored
from hakeeper.doctor.conf.text import BLANKS, SPACES, as_text
from hakeeper.doctor.finding import Place


def is_include(text: str) -> bool:
    """Say whether a line is `include` or one of its variants (includer, includem, …)."""
    if not text.startswith("include") or len(text) == len("include"):
        return False
    return text[7] in SPACES or (text[7] in "rmwba" and text[8:9] != "" and text[8] in SPACES)


def pattern_of(text: str) -> str:
    """Return the pattern of an include line."""
    return as_text(text[8 if text[7] in SPACES else 9 :].lstrip(BLANKS))


def quoted(place: Place, pattern: str) -> Ignored:
    """Return what keepalived ignores if no file has the quotes in its name."""
    return Ignored(
        place,
        f"`include {pattern}` includes nothing",
        "keepalived looks for a file whose name has the quotes in it, and its --config-test"
        " ends with 0 all the same",
        f"include {pattern.replace(chr(34), '')}",
        is_include=True,
    )


def skipped(place: Place, path: str, error: SkippedFileError) -> Ignored:
    """Return what keepalived ignores if it skips the file."""
    return Ignored(
        place,
        f"`include {path}` includes nothing",
        f"keepalived skips it: {error}",
        error.cure,
        is_include=True,
    )
