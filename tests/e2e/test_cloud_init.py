"""conf/cloud-init: two new servers come up by their user data, and wait for a token."""

import re
from pathlib import Path

import pytest

from tests.e2e import package
from tests.e2e.machine import Machine
from tests.e2e.pair import Pair, token_of
from tests.e2e.repository import Repository
from tests.support.markdown import blocks

ROOT = Path(__file__).parents[2]
SEED = "/var/lib/cloud/seed/nocloud"
ONLY_THE_SEED = "datasource_list: [NoCloud]\nnetwork: {config: disabled}\n"

pytestmark = pytest.mark.nightly


def test_servers_of_user_data_wait_for_their_token(
    bare_newer_pair: Pair, repository: Repository
) -> None:
    pair = bare_newer_pair
    for machine in pair.machines:
        # Debian's own mirrors are asked, too, as at a user's: that shall fail at once.
        machine.disk.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    pair.switch_on()
    for machine in pair.machines:
        machine.shell("apt-get install --yes --quiet cloud-init openssh-server")
        # It was started by its package, as it never is on a server, and has seen no data.
        machine.shell("cloud-init clean --logs")
        _give_user_data(machine, repository.sources)
    repository.publish(package.find())
    for machine in pair.machines:
        machine.reboot()
        machine.shell("cloud-init status --wait")
        assert not machine.is_active("hakeeper")
        assert not machine.is_active("keepalived")
    assert pair.writes() == []

    wait, bring, check = _commands()
    for machine in pair.machines:
        machine.shell(wait)
        machine.shell(bring, given=token_of(machine.name) + "\n")
        assert machine.run("stat", "-c", "%U %a", "/etc/hakeeper/token").split() == ["root", "600"]
    pair.settle(pair.a)
    for machine in pair.machines:
        machine.shell(check)

    pair.begin()
    pair.a.reboot()
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"], "a reboot is a failover, and both start again"


def _give_user_data(machine: Machine, sources: str) -> None:
    """Lay it where the datasource finds it; the test's own FIFO is added to keepalived.conf."""
    data = (ROOT / f"conf/cloud-init/{machine.name}.yaml").read_text()
    (url,) = re.findall(r"https://\S+/hakeeper\.sources", data)
    data = data.replace(url, sources)
    assert data.count("          enable_dbus\n") == 1
    fifo = "          notify_fifo /witness/notify.fifo root root\n"
    data = data.replace("          enable_dbus\n", f"          enable_dbus\n{fifo}")
    machine.write(f"{SEED}/user-data", data)
    machine.write(f"{SEED}/meta-data", f"instance-id: {machine.name}\n")
    machine.write("/etc/cloud/cloud.cfg.d/99-test.cfg", ONLY_THE_SEED)
    said = machine.shell(f"cloud-init schema --config-file {SEED}/user-data")
    assert "Valid schema" in said


def _commands() -> list[str]:
    """What docs/cloud-init.md has a person run on a server by ssh."""
    page = (ROOT / "docs/cloud-init.md").read_text()
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return re.findall(r"^ssh root@web-a '(.*)'(?: < token)?$", "\n".join(lines), re.MULTILINE)
