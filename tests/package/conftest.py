"""What is costly is made once a run, whatever the number of test processes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.building import REPO, Build, build
from tests.package.machine import base_of
from tests.package.place import Place, opened
from tests.support.once import once


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Build:
    """One build, as `make deb` makes it."""
    folder = once(tmp_path_factory, "first", build, worker_id)
    return Build(folder / "dist", folder / "work")


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Build:
    """Another one, in another place, time zone and language, for another user."""

    def make(folder: Path) -> None:
        home = folder / "home"
        home.mkdir()
        build(folder / "elsewhere", HOME=str(home), TZ="Pacific/Chatham", LANG="C", LOGNAME="ann")

    folder = once(tmp_path_factory, "second", make, worker_id) / "elsewhere"
    return Build(folder / "dist", folder / "work")


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """What `make install-parts` fetches and builds, without apt-get on the way."""

    def make(folder: Path) -> None:
        argv = ["make", "install-parts", f"PARTS={folder}/parts"]
        subprocess.run(argv, cwd=REPO, check=True, stdout=subprocess.DEVNULL)

    return once(tmp_path_factory, "parts", make, worker_id) / "parts"


@pytest.fixture(
    scope="session", params=["bookworm", pytest.param("trixie", marks=pytest.mark.nightly)]
)
def base(request: pytest.FixtureRequest) -> Path:
    """The root file system of a Debian 12 or 13 that has what the package depends on."""
    return base_of(str(request.param), REPO / ".machines")


@pytest.fixture(scope="session")
def place(base: Path, first: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One machine for all that is tried on it; each test leaves it as it was."""
    with opened(base, first.deb, tmp_path_factory.mktemp("place") / "machine") as made:
        yield made
