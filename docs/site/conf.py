"""The documents as a site that can be searched: `make docs` (Sphinx, MyST, Furo).

The pages are those of the repository, unchanged: the README is the home page, and what lies beside
them, such as an example or a test, is linked to where it can be read.
"""

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
SOURCE_URL = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]

project = "hakeeper"
author = "The hakeeper authors"
copyright = author  # noqa: A001  # Sphinx calls it so
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["*.md", "docs/**"]
exclude_patterns = ["CODE_OF_CONDUCT.md", "docs/site", "docs/man", "build", "dist"]
nitpicky = True
myst_heading_anchors = 4
highlight_language = "text"  # what has no language is no Python
html_theme = "furo"
html_title = "hakeeper"
html_show_sphinx = False
html_copy_source = False

SECTIONS: dict[str, list[str]] = {
    "Learn": ["docs/tutorial", "docs/de/tutorial"],
    "Set up": [
        "docs/platforms", "docs/install", "docs/other-systems", "docs/containers", "docs/init",
        "docs/ansible", "docs/cloud-init", "docs/migrate", "docs/check", "docs/addresses",
        "docs/labels", "docs/alias-ips", "docs/nat-gateway", "docs/failover-ips", "docs/network",
        "docs/simulate",
    ],
    "Run": [
        "docs/operate", "docs/upgrade", "docs/step-down", "docs/explain", "docs/take",
        "docs/events", "docs/metrics", "docs/runbooks", "docs/hooks", "docs/recording", "docs/faq",
    ],
    "Look up": ["docs/configuration", "docs/commands", "docs/status", "docs/journal", "CHANGELOG"],
    "Understand": ["docs/how-it-works", "docs/reliability", "docs/security"],
    "Develop": [
        "CONTRIBUTING", "SECURITY", "docs/dev/design", "docs/dev/evidence", "docs/dev/performance",
        "docs/dev/attacks", "docs/dev/packaging", "docs/dev/release", "docs/dev/e2e",
    ],
}  # fmt: skip
"""Every page, in the order of the site. One that is missing here fails the build."""

_LINK = re.compile(r"\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")
_TOCTREE = "\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"


def setup(app: Sphinx) -> None:
    """Change what Sphinx reads, not the pages themselves."""
    app.connect("source-read", _make_page_of_site)
    app.connect("build-finished", _make_home_page)


def _make_page_of_site(_app: Sphinx, name: str, source: list[str]) -> None:
    folder = (ROOT / name).parent

    def link(found: re.Match[str]) -> str:
        path, anchor = found["path"], found["anchor"] or ""
        target = (folder / path).resolve()
        if path.endswith((".md", ".svg", ".png")) and target.name != "CODE_OF_CONDUCT.md":
            return found[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"]({SOURCE_URL}/{kind}/main/{target.relative_to(ROOT)}{anchor})"

    text = _LINK.sub(link, source[0])
    if name == root_doc:
        text += "".join(
            _TOCTREE.format(caption=caption, pages="\n".join(f"/{page}" for page in pages))
            for caption, pages in SECTIONS.items()
        )
    source[0] = text


def _make_home_page(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        home = (
            f'<meta http-equiv="refresh" content="0; url={root_doc}.html"><title>hakeeper</title>\n'
        )
        (Path(app.outdir) / "index.html").write_text(home)
