"""Documents generated from the table: the full example, the reference page and the man page."""

import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Final

from hakeeper.config.table import Model, Names, Row, rows

_WIDTH: Final = 100
_HEAD: Final = """\
# Every key of hakeeper.yaml. All but `instances` have their default values here: you only need the
# keys that you change. Check this file with: hakeeper check -c hakeeper-full.yaml
"""


def example(model: type[Model]) -> str:
    """Return an example file with every key, and its default if it has one."""
    return "\n".join([_HEAD.rstrip("\n"), *_keys(model, "", apart=True)]) + "\n"


def _keys(model: type[Model], indent: str, *, apart: bool = False) -> Iterator[str]:
    """Yield the lines of all keys; `apart`: with an empty line before each section."""
    section = ""
    for row in rows(model):
        above, _, name = row.path.rpartition(".")
        head = [f"{indent}{above}:"] if above and above != section else []
        if apart and (head or not above):
            yield ""
        section = above
        yield from head
        yield from _with_comment(row, name, f"{indent}  " if above else indent)


def _with_comment(row: Row, name: str, indent: str) -> Iterator[str]:
    """Yield the lines of one key, or of one name with the keys under it."""
    for line in wrap(row.help, _WIDTH - len(indent) - 2, break_on_hyphens=False):
        yield f"{indent}# {line}"
    if not isinstance(row.type, Names):
        yield f"{indent}{name}: {row.example}  # {row.expected}"
    elif row.example:
        yield f"{indent}{name}:"
        yield f"{indent}  {row.example}:"
        yield from _keys(row.type.model, f"{indent}    ")
    else:
        yield f"{indent}{name}: {row.written}"


def as_markdown(model: type[Model]) -> str:
    """Return a heading and a paragraph for each key."""
    return "\n".join(
        f"### `{path}`\n\n{row.help}\n\n*{_facts(row, '`')}*\n" for path, row in _with_paths(model)
    )


def as_mdoc(model: type[Model]) -> str:
    """Return a list item for each key, in mdoc(7) format."""
    return "\n".join(
        f".It Sy {path}\n{_roff(row.help)}\n.br\n{_roff(_facts(row))}"
        for path, row in _with_paths(model)
    )


def _with_paths(model: type[Model], above: str = "") -> Iterator[tuple[str, Row]]:
    for row in rows(model):
        yield above + row.path, row
        if isinstance(row.type, Names) and row.example:
            yield from _with_paths(row.type.model, f"{row.path}.NAME.")


def _facts(row: Row, quote: str = "") -> str:
    default = f"Default: {quote}{row.written}{quote}." if row.written else "No default."
    return f"{row.expected[:1].upper()}{row.expected[1:]}. {default}"


def _roff(text: str) -> str:
    """Escape text for roff, one sentence per line."""
    quoted = re.sub("`([^`]+)`", r"\\(oq\1\\(cq", text.replace("\\", r"\e").replace("-", r"\-"))
    return re.sub(r"\. (?=[A-Z\\])", ".\n", quoted)
