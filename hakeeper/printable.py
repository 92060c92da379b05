"""Text from outside, made fit for a line of a terminal."""

import re
import textwrap
from typing import Final

LIMIT: Final = 4000
"""The longest line, in characters: longer than any that we write ourselves."""
_CUT: Final = "…"
_UNFIT: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: they move the cursor, and more
    "\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # unseen, or they turn the line round
    "\ud800-\udfff]"  # lone surrogates, which cannot be written
)
_COMMENT: Final = "    # "
_QUOTED: Final = re.compile(r"`[^`]*`")
_UNBROKEN: Final = "\0"
"""A space at which no line is broken; no text has it that `printable` has gone over."""
_PIECE: Final = re.compile(r"\S.*?(?:(?:;|&&)(?=\s)|$)")
_SHELL: Final = re.compile(r"[a-z_]+ (?:[a-z]+ )?[-/]")
"""What looks like a command or a line of a file: it is not broken at spaces."""


def printable(line: str) -> str:
    r"""Return one line without what a terminal would act on, or hide; `\x1b` stands for an escape.

    Names of servers and floating IPs come from the API, those of instances from files.
    """
    cut = line if len(line) <= LIMIT else line[: LIMIT - len(_CUT)] + _CUT
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), cut)


def printable_lines(text: str) -> str:
    """Do the same with each line of a text."""
    return "\n".join(map(printable, text.split("\n")))


def fitting(text: str, width: int) -> str:
    """Return lines that fit, broken at spaces; what stands in backquotes can still be copied.

    An indented line is one of a file, and stays as it is.
    """
    lines = []
    for line in text.split("\n"):
        if len(line) <= width or line.startswith(" "):
            lines.append(line)
            continue
        whole = _QUOTED.sub(lambda found: found[0].replace(" ", _UNBROKEN), line)
        wrapped = textwrap.wrap(whole, width, break_on_hyphens=False, break_long_words=False)
        lines += [one.replace(_UNBROKEN, " ") for one in wrapped]
    return "\n".join(lines)


def cure_lines(cure: str, head: str, width: int) -> list[str]:
    """Lay a cure out so that it fits, and that its commands can still be copied.

    A line ends behind `;` or `&&`, where a shell goes on as well; the comment goes to lines of its
    own. Only a single word or a command that is too long by itself sticks out.
    """
    plain, _, comment = cure.partition(_COMMENT)
    room = width - len(head)
    if len(cure) <= room:
        return [head + cure]
    lines: list[str] = []
    for piece in _PIECE.findall(plain):
        joined = f"{lines[-1]} {piece}" if lines else piece
        if lines and len(joined) <= room:
            lines[-1] = joined
        elif len(piece) <= room or _SHELL.match(piece):
            lines.append(piece)
        else:
            lines += textwrap.wrap(piece, room, break_on_hyphens=False, break_long_words=False)
    if comment:
        lines += textwrap.wrap(
            comment,
            room,
            initial_indent="# ",
            subsequent_indent="  ",
            break_on_hyphens=False,
            break_long_words=False,
        )
    return [(head if at == 0 else " " * len(head)) + line for at, line in enumerate(lines)]
