"""The Debian package that is tested, and a newer one made of it."""

import re
import subprocess
from pathlib import Path

from hakeeper import __version__

DIST = Path(__file__).parents[2] / "dist"


def find() -> Path:
    """Return the package that `make deb` has made."""
    deb = DIST / f"hakeeper_{__version__}_all.deb"
    if not deb.exists():
        raise FileNotFoundError(f"there is no {deb}: make deb")
    return deb


def newer(deb: Path, folder: Path) -> tuple[Path, str]:
    """Make the same package with a higher version; return it and the version."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    (version,) = re.findall(r"^Version: (.*)$", control.read_text(), re.MULTILINE)
    higher = f"{version}+next"
    control.write_text(control.read_text().replace(f"Version: {version}", f"Version: {higher}"))
    module = tree / "usr/lib/hakeeper/hakeeper/__init__.py"
    text, count = re.subn(
        r'^__version__ = ".*"$', f'__version__ = "{higher}"', module.read_text(), flags=re.MULTILINE
    )
    assert count == 1, f"the version in {module}"
    module.write_text(text)
    made = folder / f"hakeeper_{higher}_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, made], check=True)
    return made, higher
