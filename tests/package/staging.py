"""Runs .ci/packaging/stage on the work tree, without a build: quick, and the same files."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.package.building import REPO

_SHTAB = "FILE = {}\ndef complete(parser, shell): return shell\n"
"""Instead of shtab, which the package's build alone has."""


def staged(folder: Path, prefix: str, **environ: str) -> Path:
    """Return a root with all files, for the Python that runs the tests."""
    wheels, root = folder / "wheels", folder / "root"
    wheels.mkdir(parents=True)
    with zipfile.ZipFile(wheels / "hakeeper-0-py3-none-any.whl", "w") as wheel:
        for path in sorted((REPO / "hakeeper").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                wheel.write(path, path.relative_to(REPO))
        wheel.writestr("hakeeper-0.dist-info/RECORD", "")
        wheel.writestr("hakeeper-0.dist-info/METADATA", "")
    with zipfile.ZipFile(folder / "shtab.whl", "w") as wheel:
        wheel.writestr("shtab.py", _SHTAB)
    done = subprocess.run(
        [
            str(REPO / ".ci/packaging/stage"),
            str(root),
            prefix,
            str(wheels),
            str(folder / "shtab.whl"),
        ],
        env=dict(os.environ) | {"SERVICE_PYTHON": sys.executable} | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return root


def names(root: Path) -> set[str]:
    """Return all files and links below, as absolute names without `.gz`."""
    found = (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
    return {f"/{path.relative_to(root)}".removesuffix(".gz") for path in found}


def is_ours(name: str) -> bool:
    """Tell whether a file is hakeeper's own, and not of a package that it brings."""
    lib = "/usr/lib/hakeeper/"
    return not name.startswith(lib) or name.startswith(f"{lib}hakeeper/")
