"""Takes out of a document what a test carries out."""

import re
import textwrap

_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code in a language ("" for none), without their indentation."""
    return [textwrap.dedent(block) for name, block in _BLOCK.findall(text) if name == language]
