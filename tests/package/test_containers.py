"""keepalived and hakeeper in containers: the image is built, and run as compose.yaml says."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.building import REPO, Build
from tests.package.containers import HAKEEPER_ID, PATIENCE_S, SideBySide, podman_in, started
from tests.package.machine import base_of
from tests.support.once import once
from tests.support.waiting import eventually

# An image is built, and containers run on it.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def image(first: Build, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of a podman that has built the image."""

    def make(folder: Path) -> None:
        with podman_in(folder) as podman:
            podman.build(base_of("bookworm", REPO / ".machines"), first.deb)

    return once(tmp_path_factory, "image", make, worker_id)


@pytest.fixture(scope="module")
def side_by_side(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SideBySide]:
    """Both run, and the address is here; each test leaves it so."""
    with podman_in(tmp_path_factory.mktemp("containers"), images=image) as podman:
        try:
            with started(podman) as made:
                yield made
        finally:
            podman.run("system", "reset", "--force", check=False)


def test_hakeeper_has_no_rights_at_all(side_by_side: SideBySide) -> None:
    pid = side_by_side.pid("hakeeper")
    status = Path(f"/proc/{pid}/status").read_text()
    user, group, *sets = (
        found.split()[0]
        for found in re.findall(r"^(?:[UG]id|Cap\w+):\s+(.*)$", status, re.MULTILINE)
    )

    assert (user, group) == (str(HAKEEPER_ID), str(HAKEEPER_ID))
    assert {int(each, 16) for each in sets} == {0}
    assert "NoNewPrivs:\t1" in status
    for path in ("/x", "/etc/x", "/run/x", "/run/hakeeper/x", "/etc/hakeeper/x"):
        done = side_by_side.podman.run("exec", "hakeeper", "touch", path, check=False)
        assert done.returncode != 0, path


def test_it_sees_keepalived_and_nothing_of_the_host(side_by_side: SideBySide) -> None:
    here, keepalived, hakeeper = (
        Path(f"/proc/{pid}/ns/pid").readlink()
        for pid in ("self", side_by_side.pid("keepalived"), side_by_side.pid("hakeeper"))
    )

    assert here != keepalived == hakeeper


def test_a_restarted_hakeeper_knows_the_role_and_moves_nothing(side_by_side: SideBySide) -> None:
    assigns, log = len(side_by_side.cloud.assigns()), side_by_side.log()

    side_by_side.podman.run("restart", "hakeeper")
    side_by_side.settle()

    assert len(side_by_side.cloud.assigns()) == assigns
    assert "the same keepalived had said master" in side_by_side.log().removeprefix(log)


def test_hakeeper_outlives_keepalived_and_follows_the_next_one(side_by_side: SideBySide) -> None:
    eventually(lambda: side_by_side.status()["keepalived_pid"], PATIENCE_S, "keepalived is seen")
    pid, log = side_by_side.pid("hakeeper"), side_by_side.log()
    seen, assigns = side_by_side.status()["keepalived_pid"], len(side_by_side.cloud.assigns())

    def told() -> list[str]:
        new = side_by_side.log().removeprefix(log)
        return re.findall(r"event=(keepalived\.\w+|address\.claimed)", new)

    os.kill(side_by_side.pid("keepalived"), signal.SIGKILL)
    side_by_side.cloud.move(side_by_side.ip, side_by_side.there)
    eventually(lambda: told()[-1:] == ["address.claimed"], PATIENCE_S, "the address is claimed")

    # `stopped` if its VRRP process had time for a last line.
    assert told()[0] in {"keepalived.gone", "keepalived.stopped"}
    assert side_by_side.status()["keepalived_pid"] != seen
    assert len(side_by_side.cloud.assigns()) == assigns + 1
    assert side_by_side.pid("hakeeper") == pid, "it was started anew"
    side_by_side.settle()


def test_root_in_the_container_of_keepalived_may_pause_it(side_by_side: SideBySide) -> None:
    side_by_side.podman.run("exec", "keepalived", "hakeeper", "pause", "--for", "1m")
    assert side_by_side.status()["pause"] is not None

    side_by_side.podman.run("exec", "keepalived", "hakeeper", "resume")
    assert side_by_side.status()["pause"] is None
