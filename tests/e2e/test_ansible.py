"""conf/ansible: from two bare servers to a failover, and to newer packages; docs/ansible.md."""

import functools
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hakeeper.core.model import Role
from tests.e2e import package, roots
from tests.e2e.conftest import PAIR
from tests.e2e.pair import FLOATING_IP, THIRD_HOST, Pair, Site, token_of
from tests.e2e.playbooks import Operator
from tests.e2e.test_apt_repo import Publisher, new_publisher
from tests.e2e.visitor import Visitor

PORT = 8080
CONF = "/etc/keepalived/keepalived.conf"
NOTHING = {"web-a": 0, "web-b": 0}
ON_LO = f"[Match]\nName=lo\n\n[Network]\nAddress={FLOATING_IP}/32\n"
"""As docs/network.md has it."""

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(2400)]


@pytest.fixture
def pair(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Pair]:
    """Two bare servers that have the floating IP for good."""
    bases = ((roots.base("13"),), (roots.base("13"),))
    with Pair(site, tmp_path / "pair", layers=bases) as pair:
        request.node.stash[PAIR] = pair
        pair.personalize()
        for one in pair.machines:
            one.disk.write("/etc/systemd/network/60-floating-ip.network", ON_LO)
        pair.switch_on()
        yield pair


@pytest.fixture
def operator() -> Iterator[Operator]:
    folder = Path(tempfile.mkdtemp(prefix="ansible-"))
    yield Operator(folder)
    shutil.rmtree(folder)


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    home = tmp_path / "gpg"
    yield new_publisher(home)
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)


@pytest.fixture
def repository(site: Site, tmp_path: Path) -> Iterator[Path]:
    """A folder that the servers see at port 8080 of the third host."""
    del site  # its network is what the web server listens on
    folder = tmp_path / "repository"
    folder.mkdir()
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ExitStack() as stack:
        web = stack.enter_context(ThreadingHTTPServer((THIRD_HOST, PORT), handler))
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(web.shutdown)
        yield folder


def test_from_bare_servers_to_newer_packages(
    pair: Pair, operator: Operator, publisher: Publisher, repository: Path, tmp_path: Path
) -> None:
    first = package.find()
    second, _ = package.newer(first, tmp_path)
    (tmp_path / "third").mkdir()
    third, _ = package.newer(second, tmp_path / "third")
    operator.prepare(pair)

    _set_up(pair, operator, first)
    _fail_over(pair)
    _upgrade(pair, operator, second, tmp_path)

    url = f"http://{THIRD_HOST}:{PORT}"
    publisher.publish(repository, third, url=url)
    _upgrade_and_restart_keepalived(pair, operator, f"{url}/hakeeper.sources", tmp_path)


def _set_up(pair: Pair, operator: Operator, deb: Path) -> None:
    """Set both up; what somebody else has written is not overwritten."""
    dry = operator.play("site.yml", "--check", hakeeper_deb=deb)
    assert dry.said.count("a dry run cannot look further") == 2
    assert not pair.a.exists("/etc/hakeeper")

    pair.a.write(CONF, "# mine\n")
    refused = operator.try_to_play("site.yml", hakeeper_deb=deb)
    assert not refused.is_good
    assert "hakeeper_keepalived_replace: true" in refused.said
    assert pair.a.run("cat", CONF) == "# mine\n"
    assert not pair.b.exists("/etc/hakeeper"), "the other one was not begun"
    pair.a.shell(f"systemctl stop keepalived; rm {CONF}")

    run = operator.play("site.yml", hakeeper_deb=deb)
    pair.settle(pair.a)
    assert pair.moves() == ["web-a"], "the preferred one is set up first"
    assert pair.a.run("stat", "-c", "%U %a", "/etc/hakeeper/token").split() == ["root", "600"]

    before = {one.name: one.run("cat", CONF) for one in pair.machines}
    broken = operator.try_to_play("site.yml", hakeeper_deb=deb, hakeeper_private_interface="nic")
    assert not broken.is_good
    assert "would NOT work" in broken.said
    assert before == {one.name: one.run("cat", CONF) for one in pair.machines}

    again = operator.play("site.yml", "-vvv", "--diff", hakeeper_deb=deb)
    assert again.changed == NOTHING, again.said
    dry = operator.play("site.yml", "--check", "--diff", hakeeper_deb=deb)
    assert dry.changed == NOTHING, dry.said
    for one in pair.machines:
        assert token_of(one.name) not in refused.said + run.said + again.said + dry.said


def _fail_over(pair: Pair) -> None:
    pair.begin()
    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"]


def _upgrade(pair: Pair, operator: Operator, deb: Path, folder: Path) -> None:
    """Upgrade hakeeper by a file: nothing moves."""
    pair.begin()
    before = {one.name: one.main_pid("keepalived") for one in pair.machines}
    with Visitor(pair, folder) as visitor:
        run = operator.play("upgrade.yml", hakeeper_deb=deb)
    assert run.said.index("changed: [web-b]") < run.said.index("changed: [web-a]"), "standby first"
    _has_version(pair, "+next")
    assert pair.moves() == []
    assert before == {one.name: one.main_pid("keepalived") for one in pair.machines}
    assert visitor.asked > 100
    assert visitor.lost == []


def _upgrade_and_restart_keepalived(
    pair: Pair, operator: Operator, sources: str, folder: Path
) -> None:
    """Upgrade by a repository, and restart keepalived: the master steps down before."""
    for one in pair.machines:
        one.shell("rm -rf /etc/apt/sources.list*; mkdir /etc/apt/sources.list.d")
    pair.begin()
    before = {one.name: one.main_pid("keepalived") for one in pair.machines}
    daemons = {one.name: one.main_pid("hakeeper") for one in pair.machines}
    often = {"reconcile": {"interval": "1s", "standby_interval": "5s"}}
    with Visitor(pair, folder) as visitor:
        operator.play("site.yml", hakeeper_apt_sources=sources, hakeeper_settings=often)
        assert pair.moves() == []
        for one in pair.machines:
            assert one.main_pid("hakeeper") != daemons[one.name], "it has its new files"
            assert one.main_pid("keepalived") == before[one.name]
        operator.play("upgrade.yml", hakeeper_keepalived_restart="true")
        pair.settle(pair.a)
    _has_version(pair, "+next+next")
    assert pair.moves() == ["web-b", "web-a"], "stepped down, and up again"
    after = {one.name: one.main_pid("keepalived") for one in pair.machines}
    assert not {*before.values()} & {*after.values()}
    assert visitor.lost == []
    assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.BACKUP}


def _has_version(pair: Pair, ending: str) -> None:
    for one in pair.machines:
        assert one.run("hakeeper", "version").splitlines()[0].endswith(ending)
