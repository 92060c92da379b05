"""The commands that the documents have an operator type, by page and section."""

import re
from pathlib import Path

from tests.support.markdown import blocks

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, heading: str) -> str:
    """Return the text of a section (`## heading`) of a page of docs/; "": what comes before."""
    parts = re.split(r"^## (.*)\n", (DOCS / page).read_text(), flags=re.MULTILINE)
    texts = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    return texts[heading]


def typed(page: str, heading: str) -> list[str]:
    """Return all lines of shell of a section, without comments."""
    lines = "".join(blocks(section(page, heading), "sh")).splitlines()
    return [bare for line in lines if (bare := re.sub(r"\s+#.*", "", line)).strip()]
