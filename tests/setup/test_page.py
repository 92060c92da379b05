"""What docs/init.md shows is what init says."""

import re
from pathlib import Path

from tests.setup.bare import Bare
from tests.setup.test_init import with_tutorial

PAGE = Path(__file__).parents[2] / "docs/init.md"


def test_the_page_shows_what_init_says_of_the_tutorials_file(server: Bare) -> None:
    text = PAGE.read_text()
    (shown,) = re.findall(r"^```\n(this server.*?)^```$", text, re.MULTILINE | re.DOTALL)
    told = with_tutorial(server).init("--dry-run")
    # On the page the API is Hetzner's.
    said = told.out.replace(f"+hetzner:\n+  endpoint: {server.endpoint}\n", "").replace(
        "+1,7", "+1,5"
    )

    assert said.startswith(shown), said
