"""The files for a NAT gateway are good for keepalived, nftables and hakeeper, and fit together."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.configfile import load
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.demo.lab.netns import Namespace
from tests.support.server_namespace import server_namespace

CONF = Path(__file__).parents[2] / "conf" / "nat-gateway"
KEEPALIVED = [CONF / f"keepalived-{node}.conf" for node in "ab"]


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    """A network namespace with the interfaces of a server at Hetzner."""
    with server_namespace("hknat") as namespace:
        yield namespace


def test_these_files_are_there() -> None:
    assert [
        "hakeeper.yaml",
        "keepalived-a.conf",
        "keepalived-b.conf",
        "nftables.conf",
        "sysctl.conf",
    ] == sorted(path.name for path in CONF.iterdir())


@pytest.mark.parametrize("path", KEEPALIVED, ids=lambda path: path.name)
def test_keepalived_accepts_its_file_without_a_word(server: Namespace, path: Path) -> None:
    command = server.inside(["keepalived", "--config-test", "-f", str(path)])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_the_gateways_differ_only_in_what_is_theirs() -> None:
    first, second = (path.read_text().splitlines() for path in KEEPALIVED)
    different = [one.split()[0] for one, two in zip(first, second, strict=True) if one != two]
    assert different == ["#", "router_id", "priority", "unicast_src_ip", "10.0.0.3"]


def test_the_rules_can_be_loaded_twice(server: Namespace) -> None:
    loaded = []
    for _ in range(2):
        server.run("nft", "-f", str(CONF / "nftables.conf"))
        loaded.append(server.run("nft", "list", "ruleset"))
    assert loaded[0] == loaded[1]
    assert "masquerade" in loaded[0]


def test_the_files_go_together() -> None:
    config = load(CONF / "hakeeper.yaml")
    text = KEEPALIVED[0].read_text()
    instances = re.findall(r"^vrrp_instance (\S+)", text, re.MULTILINE)
    [alias] = re.findall(r"^ *(\S+)/32 dev enp7s0$", text, re.MULTILINE)
    assert [VrrpId(VrrpKind.INSTANCE, name) for name in instances] == list(config.resources)
    [refs] = config.resources.values()
    assert [alias] == [str(each) for each in refs]
    assert re.findall(r"unicast_src_ip (\S+)", text) == re.findall(
        r"vrrp_address: (\S+)", (CONF / "hakeeper.yaml").read_text()
    )
