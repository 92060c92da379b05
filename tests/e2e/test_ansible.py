"""docs/ansible.md: two bare servers to a failover, a second run that changes nothing, an upgrade."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.lab.process import LabProcess
from tests.e2e import package, roots
from tests.e2e.conftest import PAIR
from tests.e2e.machine import PATIENCE_S
from tests.e2e.pair import FLOATING_IP, Pair, Site, token_of
from tests.e2e.playbooks import Operator

VISITOR = Path(__file__).parents[1] / "outage/visitor.py"
_CALM_S = 1.0
_ON_LO = f"[Match]\nName=lo\n[Network]\nAddress={FLOATING_IP}/32\n"
"""As docs/network.md has it."""

pytestmark = pytest.mark.nightly


@pytest.fixture
def pair(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Pair]:
    """Two bare Debian 13 that have the floating IP for good."""
    bases = ((roots.base("13"),), (roots.base("13"),))
    with Pair(site, tmp_path / "pair", layers=bases) as pair:
        request.node.stash[PAIR] = pair
        pair.personalize()
        for one in pair.machines:
            one.disk.write("/etc/systemd/network/60-floating-ip.network", _ON_LO)
        pair.switch_on()
        yield pair


@pytest.fixture
def operator() -> Iterator[Operator]:
    # Not pytest's folder: ssh's socket has a short name, or none.
    folder = Path(tempfile.mkdtemp(prefix="ansible-"))
    yield Operator(folder)
    shutil.rmtree(folder)


@contextlib.contextmanager
def visited(pair: Pair, folder: Path) -> Iterator[list[dict[str, list[object]]]]:
    """Make a hundred requests a second at the address, which go to its holder; tell what came."""
    stop = threading.Event()

    def follow() -> None:
        version, last = -1, None
        while not stop.is_set():
            version = pair.cloud.call("wait", after_version=version, timeout_s=0.5)
            holder = pair.holder()
            if holder is not None and holder != last:
                via = pair.machine(holder).public_ip
                subprocess.run(["ip", "route", "replace", FLOATING_IP, "via", via], check=True)
            last = holder

    via = pair.machine(str(pair.holder())).public_ip
    subprocess.run(["ip", "route", "replace", FLOATING_IP, "via", via], check=True)
    seen: list[dict[str, list[object]]] = []
    thread = threading.Thread(target=follow, name="routes")
    thread.start()
    visitor = LabProcess(
        "visitor", [sys.executable, str(VISITOR), FLOATING_IP], log_path=folder / "visitor.log"
    )
    try:
        yield seen
        time.sleep(_CALM_S)  # the measure of calm, no wait for anything
        visitor.signal(signal.SIGTERM)
        visitor.wait(PATIENCE_S)
        seen.append(json.loads(visitor.log_text()))
    finally:
        visitor.close()
        stop.set()
        thread.join()


def changed(recaps: dict[str, object]) -> dict[str, int]:
    """How many tasks have changed something, by server."""
    return {server: recap.changed for server, recap in recaps.items()}  # type: ignore[attr-defined]


def test_from_bare_servers_to_an_upgrade(pair: Pair, operator: Operator, tmp_path: Path) -> None:
    operator.prepare(pair)
    deb = package.find()
    given = ["-e", f"hakeeper_deb={deb}"]

    _, said = operator.play("site.yml", *given, "--check")
    assert said.count("a dry run cannot look further") == 2
    assert not pair.a.exists("/etc/hakeeper")

    recaps, first = operator.play("site.yml", *given)
    assert min(changed(recaps).values()) > 0
    pair.settle(pair.a)
    assert pair.moves() == ["web-a"], "the preferred server is the first that starts"
    assert pair.a.run("stat", "-c", "%U %a", "/etc/hakeeper/token").split() == ["root", "600"]

    _, said = operator.play("site.yml", *given, "--check", "--diff", "-vvv")
    assert token_of("web-a") not in first + said
    recaps, said = operator.play("site.yml", *given)
    assert changed(recaps) == {"web-a": 0, "web-b": 0}, said

    pair.begin()
    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"]

    pair.begin()
    keepaliveds = {one.name: one.main_pid("keepalived") for one in pair.machines}
    newer, version = package.newer(deb, tmp_path)
    with visited(pair, tmp_path) as seen:
        recaps, said = operator.play("upgrade.yml", "-e", f"hakeeper_deb={newer}")
    assert said.index("changed: [web-b]") < said.index("changed: [web-a]"), "the standby first"
    for one in pair.machines:
        assert version in one.run("hakeeper", "version")
    assert pair.moves() == []
    assert keepaliveds == {one.name: one.main_pid("keepalived") for one in pair.machines}
    assert [] == seen[0]["lost"]

    with visited(pair, tmp_path) as seen:
        operator.play("upgrade.yml", "-e", "hakeeper_keepalived_restart=true", "-e",
                      f"hakeeper_deb={newer}")  # fmt: skip
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"], "stepped down, and up"
    assert [] == seen[0]["lost"]
    assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.BACKUP}
