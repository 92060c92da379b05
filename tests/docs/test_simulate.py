"""The page about `hakeeper simulate` shows what it prints; each takes ten seconds, so at night."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.book import section, typed
from tests.support.markdown import blocks


@pytest.mark.nightly
@pytest.mark.parametrize("heading", ["What it prints", "Alias IPs and failover IPs"])
def test_the_example_is_what_the_command_prints(heading: str, tmp_path: Path) -> None:
    text = section("simulate.md", heading)
    [command] = typed("simulate.md", heading)
    (tmp_path / "hakeeper.yaml").write_text("".join(blocks(text, "yaml")))
    done = subprocess.run(
        [Path(sys.executable).with_name("hakeeper"), *shlex.split(command)[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    [shown] = [block for block in blocks(text, "") if block.startswith("$ ")]
    assert done.stdout.startswith(shown.partition("\n")[2])
