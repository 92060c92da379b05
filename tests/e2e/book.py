"""The commands that the documents have an operator type, by page and section."""

import re
from pathlib import Path

from tests.support.markdown import blocks

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, heading: str) -> str:
    """Return the text of a section (`## heading`) of a page of docs/; "": what comes before."""
    return sections(page)[heading]


def typed(page: str, heading: str) -> list[str]:
    """Return all lines of shell of a section, without comments.

    These are the lines of blocks of shell; in a block without a language, those behind a prompt.
    """
    return typed_in(section(page, heading))


def typed_in(text: str) -> list[str]:
    """Return the same of a text."""
    lines = "".join(blocks(text, "sh")).splitlines()
    shown = "".join(blocks(text, "")).splitlines()
    lines += [line.removeprefix("$ ") for line in shown if line.startswith("$ ")]
    return [bare for line in lines if (bare := re.sub(r"\s+#.*", "", line)).strip()]


def sections(page: str) -> dict[str, str]:
    """Return the text of each section of a page, by its heading; "": what comes before."""
    parts = re.split(r"^## (.*)\n", (DOCS / page).read_text(), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
