"""Parts of documents that are written from the code: they are checked, or written anew."""

import os
from pathlib import Path

REWRITE = "HAKEEPER_REWRITE_DOCS"
"""With this in the environment the document is written, and the test that found it old fails."""


def check_section(page: Path, name: str, text: str) -> None:
    """See that what stands between the marks `<!-- name -->` and `<!-- /name -->` is this text."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, rest = page.read_text().split(begin)
    shown, after = rest.split(end)
    _check(page, shown, text, before + begin + text + end + after)


def check_file(page: Path, text: str) -> None:
    """See that this text is the whole file."""
    _check(page, page.read_text(), text, text)


def _check(page: Path, shown: str, text: str, whole: str) -> None:
    if os.environ.get(REWRITE):
        page.write_text(whole)
    assert text == shown, f"run the test with {REWRITE}=1 to rewrite {page.name}"
