"""The documents make a site without a warning, with every page in its navigation and its search."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_IN_SITE = {"CODE_OF_CONDUCT"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does it."""
    folder = tmp_path_factory.mktemp("site")
    recipe = (ROOT / "Makefile").read_text().split("\ndocs:")[1].split("\n\n")[0]
    [command] = re.findall(r"^\t\$\(BIN\)/(sphinx-build .*) build/site$", recipe, re.MULTILINE)
    program, *arguments = command.split()
    argv = [Path(sys.executable).parent / program, *arguments, "-d", folder / "trees"]
    done = subprocess.run(
        [*argv, folder / "html"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)
    return folder / "html"


def sources() -> list[str]:
    """Every page of the repository that belongs to the site."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    names = {str(path.relative_to(ROOT).with_suffix("")) for path in found}
    return sorted(names - NOT_IN_SITE)


def test_every_page_is_in_the_navigation(site: Path) -> None:
    home = (site / "README.html").read_text()
    missing = [name for name in sources() if f'href="{name}.html"' not in home]
    assert ["README"] == missing, "the home page itself is above them"


def test_every_page_is_found(site: Path) -> None:
    index = (site / "searchindex.js").read_text()
    known = json.loads(index[index.index("{") : index.rindex("}") + 1])["docnames"]
    assert sources() == sorted(known)


def test_no_link_leads_nowhere(site: Path) -> None:
    pages = {path: path.read_text() for path in site.rglob("*.html")}
    broken = []
    for page, text in pages.items():
        for link in re.findall(r'href="([^":]+)"', text):
            path, _, anchor = link.partition("#")
            path, _, _ = path.partition("?")  # the checksum of a style sheet
            target = (page.parent / path).resolve() if path else page
            there = target.exists()
            if there and anchor and target in pages:
                there = re.search(rf'id="{re.escape(anchor)}"', pages[target]) is not None
            if not there:
                broken.append(f"{page.name}: {link}")
    assert [] == broken


def test_the_address_of_the_site_leads_to_the_home_page(site: Path) -> None:
    [target] = re.findall(r"url=([\w.]+)", (site / "index.html").read_text())
    assert (site / target).is_file()
