"""conf/ansible: from two bare servers to a failover, and to newer packages; docs/ansible.md."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.core.model import Role
from tests.e2e import package
from tests.e2e.pair import FLOATING_IP, Pair, token_of
from tests.e2e.playbooks import Operator
from tests.e2e.repository import Repository
from tests.e2e.visitors import visiting

CONF = "/etc/keepalived/keepalived.conf"
MARK = "written by the Ansible role hakeeper"
NOTHING = {"web-a": 0, "web-b": 0}
ON_LO = f"[Match]\nName=lo\n\n[Network]\nAddress={FLOATING_IP}/32\n"
"""As docs/network.md has it."""

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(2400)]


@pytest.fixture
def operator() -> Iterator[Operator]:
    folder = Path(tempfile.mkdtemp(prefix="ansible-"))
    yield Operator(folder)
    shutil.rmtree(folder)


def test_from_bare_servers_to_newer_packages(
    bare_newer_pair: Pair, operator: Operator, repository: Repository, tmp_path: Path
) -> None:
    pair = bare_newer_pair
    first = package.find()
    second, _ = package.newer(first, tmp_path)
    (tmp_path / "third").mkdir()
    third, _ = package.newer(second, tmp_path / "third")
    for one in pair.machines:
        one.disk.write("/etc/systemd/network/60-floating-ip.network", ON_LO)
    pair.switch_on()
    operator.prepare(pair)

    _set_up(pair, operator, first)
    _fail_over(pair)
    _upgrade(pair, operator, second, tmp_path)

    repository.publish(third)
    repository.alone(*pair.machines)
    _upgrade_and_restart_keepalived(pair, operator, repository.sources, tmp_path / "third")


def test_a_keepalived_conf_of_theirs_is_kept_or_replaced(
    bare_newer_pair: Pair, operator: Operator
) -> None:
    pair = bare_newer_pair
    given: dict[str, object] = {
        "hakeeper_deb": package.find(),
        # A busy machine that is late with an advert shall not count: nothing here is about time.
        "hakeeper_advert_interval_s": 1,
    }
    pair.switch_on()
    operator.prepare(pair)
    operator.play("site.yml", **given)
    pair.settle(pair.a)
    pair.begin()
    before = {one.name: one.main_pid("keepalived") for one in pair.machines}
    written = _confs(pair)
    theirs = {name: text.replace(MARK, "mine") for name, text in written.items()}
    for one in pair.machines:
        one.write(CONF, theirs[one.name])

    kept = operator.play("site.yml", **given, hakeeper_keepalived_conf="kept")
    assert kept.changed == NOTHING, kept.said
    assert theirs == _confs(pair)

    pair.b.write(CONF, theirs["web-b"].replace("vrrp_notify_fifo ", "# "))
    useless = operator.try_to_play("site.yml", **given, hakeeper_keepalived_conf="kept")
    assert not useless.is_good
    assert "would NOT work" in useless.said
    assert "vrrp_notify_fifo" in useless.said
    pair.b.write(CONF, theirs["web-b"])

    operator.play("site.yml", **given, hakeeper_keepalived_replace="true")
    assert written == _confs(pair)
    for one in pair.machines:
        assert one.run("sh", "-c", f"cat {CONF}.*~") == theirs[one.name], "the copy beside it"
    pair.settle(pair.a)
    assert pair.moves() == []
    assert before == {one.name: one.main_pid("keepalived") for one in pair.machines}


def _confs(pair: Pair) -> dict[str, str]:
    return {one.name: one.run("cat", CONF) for one in pair.machines}


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

    before = _confs(pair)
    broken = operator.try_to_play("site.yml", hakeeper_deb=deb, hakeeper_private_interface="nic")
    assert not broken.is_good
    assert "would NOT work" in broken.said
    assert before == _confs(pair)

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
    with visiting(pair, folder) as visits:
        run = operator.play("upgrade.yml", hakeeper_deb=deb)
        seen = visits.end()
    assert run.said.index("changed: [web-b]") < run.said.index("changed: [web-a]"), "standby first"
    _has_version(pair, "+next")
    assert pair.moves() == []
    assert before == {one.name: one.main_pid("keepalived") for one in pair.machines}
    assert seen["asked"] > 100
    assert seen["lost"] == []


def _upgrade_and_restart_keepalived(
    pair: Pair, operator: Operator, sources: str, folder: Path
) -> None:
    """Upgrade by a repository, and restart keepalived: the master steps down before."""
    pair.begin()
    before = {one.name: one.main_pid("keepalived") for one in pair.machines}
    daemons = {one.name: one.main_pid("hakeeper") for one in pair.machines}
    often = {"reconcile": {"interval": "1s", "standby_interval": "5s"}}
    with visiting(pair, folder) as visits:
        operator.play("site.yml", hakeeper_apt_sources=sources, hakeeper_settings=often)
        assert pair.moves() == []
        for one in pair.machines:
            assert one.main_pid("hakeeper") != daemons[one.name], "it has its new files"
            assert one.main_pid("keepalived") == before[one.name]
        operator.play("upgrade.yml", hakeeper_keepalived_restart="true")
        pair.settle(pair.a)
        seen = visits.end()
    _has_version(pair, "+next+next")
    assert pair.moves() == ["web-b", "web-a"], "stepped down, and up again"
    after = {one.name: one.main_pid("keepalived") for one in pair.machines}
    assert not {*before.values()} & {*after.values()}
    assert seen["lost"] == []
    assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.BACKUP}


def _has_version(pair: Pair, ending: str) -> None:
    for one in pair.machines:
        assert one.run("hakeeper", "version").splitlines()[0].endswith(ending)
