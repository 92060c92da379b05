"""Fixtures: a site, pairs that were installed by docs/install.md, and fresh copies of them.

All processes of a run share the file systems below, and with them the pairs that are installed.
"""

import contextlib
import os
import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from xdist.scheduler import LoadScopeScheduling

from hakeeper.demo.lab.reaping import adopting_orphans
from tests.e2e import package, roots, tutorial
from tests.e2e.guide import check, set_up
from tests.e2e.lan import Lan, enter_new_network
from tests.e2e.machine import Machine
from tests.e2e.pair import (
    API_HOST,
    PAGES_HOST,
    ROBOT_HOST,
    THIRD_HOST,
    Pair,
    Site,
    redirect_metadata,
)
from tests.e2e.repository import Repository, repository_on_third_host
from tests.support.once import once

PAIRS = {"12+12": ("12", "12"), "13+13": ("13", "13"), "12+13": ("12", "13"), "13+14": ("13", "14")}
"""By name: the Debian releases of web-a and web-b."""
MIXED = "12+13"
PAIR = pytest.StashKey[Pair]()
"""The pair whose report is shown if the test fails."""


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to run where things could be left behind, and take SIGTERM for Ctrl-C."""
    if not os.environ.get("HAKEEPER_E2E_RUN"):
        raise pytest.UsageError("run these tests in namespaces of their own: tests/e2e/isolated")
    config.addinivalue_line("markers", "cold: the pair is off when the test begins")
    config.addinivalue_line("markers", f"mixed: of all pairs only {MIXED}, which has both releases")

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `mixed`, but for the pair that it is meant for.

    The other pairs come each night.
    """
    for item in items:
        if _pair_of(item.nodeid) not in {MIXED, None}:
            item.add_marker(pytest.mark.nightly)
    unwanted = [
        item
        for item in items
        if item.get_closest_marker("mixed") is not None and _pair_of(item.nodeid) != MIXED
    ]
    items[:] = [item for item in items if item not in unwanted]
    config.hook.pytest_deselected(items=unwanted)


def _pair_of(nodeid: str) -> str | None:
    """Return the name of the pair that a test is for, by its parameters; None: it makes its own."""
    return next((name for name in PAIRS if name in nodeid.rpartition("[")[2]), None)


class FilesOfPairs(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
    """One worker has all tests of a file with one pair: they may share machines that are on.

    `--dist loadgroup` would do so, but its groups are lost with pytest 9.2 (xdist 3.8).
    """

    def _split_scope(self, nodeid: str) -> str:
        pair = _pair_of(nodeid)
        return nodeid if pair is None else f"{nodeid.partition('::')[0]} {pair}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesOfPairs:
    """Take this one, whatever `--dist` says."""
    return FilesOfPairs(config, log)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Site]:
    """The networks, with the test itself on the public one; the cloud's certificate."""

    def certify(folder: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert(API_HOST, ROBOT_HOST, PAGES_HOST)
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "cloud.pem")
        certificate.private_key_pem.write_to_path(folder / "cloud.key")
        authority.cert_pem.write_to_path(folder / "authority.pem")

    # One for all: what one process has installed trusts it.
    folder = once(tmp_path_factory, "certificates", certify, worker_id)
    enter_new_network()
    public = Lan("public", f"{THIRD_HOST}/24")
    private = Lan("private")
    redirect_metadata()
    site = Site(
        public=public,
        private=private,
        certfile=folder / "cloud.pem",
        keyfile=folder / "cloud.key",
        authority_pem=(folder / "authority.pem").read_text(),
    )
    with adopting_orphans():
        yield site


@dataclass(frozen=True, slots=True)
class Installed:
    """Two disks with everything set up, of machines that are off."""

    layers: tuple[tuple[Path, ...], tuple[Path, ...]]


@pytest.fixture(scope="session", params=PAIRS)
def installed(
    request: pytest.FixtureRequest,
    site: Site,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Installed:
    """A pair, set up on fresh machines by what docs/install.md says, then powered off."""
    first, second = (roots.base(release) for release in PAIRS[request.param])

    def install(folder: Path) -> None:
        with Pair(site, folder / "pair", layers=((first,), (second,))) as pair:
            pair.personalize()
            try:
                set_up(pair, package.find())
                pair.settle(pair.a)
                check(pair)
                for one in pair.machines:
                    look_often(one)
                    one.power_off()
            except BaseException:
                print(pair.report())  # noqa: T201  # pytest shows it with the failure
                raise
            for one in pair.machines:
                one.disk.keep(folder / one.name)

    folder = once(tmp_path_factory, f"installed-{request.param}", install, worker_id)
    return Installed(((folder / "web-a", first), (folder / "web-b", second)))


def look_often(machine: Machine) -> None:
    """Let hakeeper read the holders every few seconds, so that `settle` need not wait a minute."""
    path = "/etc/hakeeper/hakeeper.yaml"
    config = machine.run("cat", path)
    machine.write(path, f"{config}reconcile:\n  interval: 2s\n  standby_interval: 5s\n")


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, installed: Installed, site: Site, tmp_path: Path
) -> Iterator[Pair]:
    """A fresh copy of the installed pair: booted and settled, or off if marked `cold`."""
    place = tmp_path / "pair"
    with Pair(site, place, layers=installed.layers) as pair:
        request.node.stash[PAIR] = pair
        if request.node.get_closest_marker("cold") is None:
            try:
                pair.switch_on()
                pair.settle(pair.a)
                pair.begin()
            except BaseException:
                print(pair.report())  # noqa: T201  # likewise
                raise
        yield pair


@contextlib.contextmanager
def _fresh(
    request: pytest.FixtureRequest, site: Site, folder: Path, *releases: str
) -> Iterator[Pair]:
    """A pair of fresh machines of these releases, that are off; nothing is installed on them."""
    first, second = ((roots.base(release),) for release in releases)
    with Pair(site, folder / "pair", layers=(first, second)) as pair:
        request.node.stash[PAIR] = pair
        pair.personalize()
        yield pair


@pytest.fixture
def bare_pair(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Pair]:
    """A fresh pair of both releases."""
    with _fresh(request, site, tmp_path, "12", "13") as pair:
        yield pair


@pytest.fixture
def tutorial_pair(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Pair]:
    """A pair without hakeeper, on which a script moves the address; web-a has it.

    Both releases, the newer one as the master: its keepalived has the more to lose by a reload.
    """
    with _fresh(request, site, tmp_path, "13", "12") as pair:
        try:
            tutorial.set_up(pair)
            pair.begin()
        except BaseException:
            print(pair.report())  # noqa: T201  # likewise
            raise
        yield pair


@pytest.fixture
def bare_newer_pair(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Pair]:
    """A fresh pair, both Debian 13."""
    with _fresh(request, site, tmp_path, "13", "13") as pair:
        yield pair


@pytest.fixture(params=roots.RELEASES)
def bare_equal_pair(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Pair]:
    """A fresh pair, both of the same release, each release in turn."""
    with _fresh(request, site, tmp_path, request.param, request.param) as pair:
        yield pair


@pytest.fixture
def repository(site: Site, tmp_path: Path) -> Iterator[Repository]:
    """An apt repository that is empty, where all machines see it."""
    del site  # its network is what the web server listens on
    with repository_on_third_host(tmp_path) as repository:
        yield repository


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    report = yield
    if call.when == "call" and report.failed and PAIR in item.stash:
        report.sections.append(("both machines and the cloud", item.stash[PAIR].report()))
    return report
