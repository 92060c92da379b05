"""The section about the history shows what the command prints, and names all keys and columns."""

import os
import re
import subprocess
import sys
from pathlib import Path

from hakeeper.cli.history import COLUMNS
from tests.support.generated_docs import check_section
from tests.support.kept_story import STORY, as_kept, write

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"
HAKEEPER = Path(sys.executable).with_name("hakeeper")


def test_the_example_is_what_the_command_prints(tmp_path: Path) -> None:
    path = write(tmp_path / "history.jsonl", STORY)
    command = [str(HAKEEPER), "history", "--file", str(path), "--until", "2026-11-30 00:30"]
    environment = {"PATH": os.environ["PATH"], "TZ": "UTC"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    check_section(PAGE, "history", f"```\n{done.stdout}```\n")


def test_the_columns_are_those_of_the_code() -> None:
    check_section(PAGE, "columns", ", ".join(f"`{name}`" for name in COLUMNS) + "\n")


def test_every_key_is_named() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))
    assert as_kept(STORY)[0].keys() == named
