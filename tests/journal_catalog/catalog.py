"""Reads systemd/hakeeper.catalog, and sees what the real journalctl makes of it.

The format: https://www.freedesktop.org/wiki/Software/systemd/catalog
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY / "systemd" / "hakeeper.catalog"
DATABASE = "var/lib/systemd/catalog/database"
PREFIX = "HAKEEPER_"
COMMAND_INDENT = "    "

_HEAD = re.compile(r"-- ([0-9a-f]{32})\n")
_FIELD = re.compile(r"@(\w+)@")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One entry of the catalog."""

    message_id: str
    header: Mapping[str, str]
    whole: str
    """Header and body, as journalctl shows them, but with fields not yet replaced."""
    body: str

    @property
    def paragraphs(self) -> list[str]:
        """The body without its commands."""
        return [text for text in self.body.split("\n\n") if not text.startswith(COMMAND_INDENT)]

    @property
    def commands(self) -> list[str]:
        """The indented lines of the body."""
        lines = self.body.splitlines()
        return [line.strip() for line in lines if line.startswith(COMMAND_INDENT)]

    @property
    def fields(self) -> set[str]:
        """The fields that it uses, as the journal names them."""
        return set(_FIELD.findall(self.whole))

    def told(self, values: Mapping[str, object]) -> str:
        """Return the text with its fields replaced."""
        return _FIELD.sub(lambda match: str(values[match.group(1)]), self.whole)


def explanations(text: str | None = None) -> list[Explanation]:
    """Return all entries of the catalog, in their order."""
    lines = (FILE.read_text() if text is None else text).splitlines(keepends=True)
    _, *parts = _HEAD.split("".join(line for line in lines if not line.startswith("#")))
    return [_entry(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]


def _entry(message_id: str, whole: str) -> Explanation:
    head, _, body = whole.strip("\n").partition("\n\n")
    header = dict(line.split(": ", 1) for line in head.splitlines())
    return Explanation(message_id, header, whole.strip("\n"), body)


def compiled(root: Path, folder: str) -> Path:
    """Install the catalog below `root` in `folder`, compile it; return where the database is."""
    place = root / folder.lstrip("/")
    place.mkdir(parents=True)
    (place / FILE.name).write_bytes(FILE.read_bytes())
    journalctl(f"--root={root}", "--update-catalog")
    return root / DATABASE


def journalctl(*arguments: str) -> str:
    """Run the real journalctl; it may find nothing, but must not complain."""
    done = subprocess.run(
        ["journalctl", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert "" == done.stderr
    return done.stdout


def installed_folder() -> str:
    """Return the folder into which `make install` puts the catalog."""
    text = (REPOSITORY / ".ci/packaging/stage").read_text()
    found = re.search(rf'^file 0644 "\$system(/\S+)" systemd/{FILE.name}$', text, re.MULTILINE)
    assert found is not None
    return f"/usr/local/lib{found[1]}"
