"""The page of survivors: each diff stands below the reason why it may live."""

import re
from collections.abc import Iterable
from pathlib import Path

UNEXPLAINED = "Without a reason yet"
_HEADING = re.compile(r"## (.*)")
_BLOCK = re.compile(r"^```diff\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def reasons(page: Path) -> dict[str, str]:
    """Return the reason of each diff of the page, which is the section with its heading."""
    found: dict[str, str] = {}
    if not page.exists():
        return found
    for section in re.split(r"^(?=## )", page.read_text(), flags=re.MULTILINE)[1:]:
        text = _BLOCK.sub("", section).strip()
        found.update(dict.fromkeys(_BLOCK.findall(section), text))
    return found


def heading(reason: str) -> str:
    """Return the first line of a reason."""
    match = _HEADING.match(reason)
    return match.group(1) if match else reason


def page_of(head: str, diffs: Iterable[str], known: dict[str, str]) -> str:
    """Write the page anew: every survivor below its reason, those without one last."""
    sections: dict[str, list[str]] = {reason: [] for reason in known.values()}
    unexplained = sections.setdefault(f"## {UNEXPLAINED}", [])
    for diff in diffs:
        sections.get(known.get(diff, ""), unexplained).append(diff)
    parts = [head.rstrip()]
    for reason, here in sections.items():
        if here:
            parts.append(reason)
            parts.extend(f"```diff\n{diff}\n```" for diff in dict.fromkeys(here))
    return "\n\n".join(parts) + "\n"
