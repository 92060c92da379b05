"""Builds of the package."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Build:
    """What one run of .ci/build-deb has left."""

    dist: Path
    work: Path

    def one(self, pattern: str) -> Path:
        """Return the only file in dist that is named so."""
        (found,) = self.dist.glob(pattern)
        return found

    @property
    def deb(self) -> Path:
        return self.one("*.deb")

    @property
    def package(self) -> Path:
        """The folder that was packed, as it is installed."""
        (found,) = self.work.glob("hakeeper-*/debian/hakeeper")
        return found


def build(folder: Path, **environ: str) -> Build:
    """Build all from what is in the work tree, with the $PYTHON that `make deb` names."""
    made = Build(folder / "dist", folder / "work")
    done = subprocess.run(
        [str(REPO / ".ci/build-deb"), str(made.work), str(made.dist)],
        env=dict(os.environ) | {"PYTHON": "python3"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return made
