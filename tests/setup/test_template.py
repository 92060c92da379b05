"""New files: keepalived.conf is the example that is shipped, hakeeper.yaml says what is meant."""

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from hakeeper.config import parse
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.kinds import FLOATING_IPS
from hakeeper.setup import template

ROOT = Path(__file__).parents[2]
WEB_A = template.Node(
    name="web-a",
    instance="VI_1",
    interface="enp7s0",
    router_id=51,
    priority=150,
    own=IPv4Address("10.0.0.2"),
    peer=IPv4Address("10.0.0.3"),
    address=IPv4Address("203.0.113.10"),
    public_interface="eth0",
    fifo="/run/hakeeper/notify.fifo",
    user="hakeeper",
)
WEB_B = replace(WEB_A, name="web-b", priority=100, own=WEB_A.peer, peer=WEB_A.own)


@pytest.mark.parametrize("node", [WEB_A, WEB_B], ids=["a", "b"])
def test_it_is_the_fast_example_but_for_its_first_lines(node: template.Node) -> None:
    example = (ROOT / f"conf/keepalived/fast-{node.name}.conf").read_text()
    begin = "# Lines that begin with `#nginx` are off."
    (_, expected), (_, made) = (
        text.split(begin) for text in (example, template.keepalived_conf(node))
    )

    assert made == expected


def test_the_drop_in_is_that_of_the_guide() -> None:
    made = template.drop_in(IPv4Address("10.0.0.2"))
    (command,) = [line for line in made.splitlines() if line.startswith("ExecStartPre")]

    assert command in (ROOT / "docs/install.md").read_text()


@pytest.mark.parametrize(
    "address",
    ["web", "no", "4711", "203.0.113.10", "2001:db8:1:2::/64", "on", "0755", "a b",
     "1e3", "~", "web-1.example", "ümlaut", "-", "null", "{x}", "a: b", "#1"],
)  # fmt: skip
def test_whatever_the_address_is_called_the_configuration_means_it(address: str) -> None:
    text = template.hakeeper_yaml("VI_1", address, IPv4Address("10.0.0.2"), None)
    meant = FLOATING_IPS.ref(int(address) if address == "4711" else address)
    config = parse(text, "test")
    vrrp = VrrpId(VrrpKind.INSTANCE, "VI_1")

    assert config.resources == {vrrp: (meant,)}
    assert config.vrrp_addresses == {vrrp: (IPv4Address("10.0.0.2"),)}


def test_another_api_is_in_the_configuration() -> None:
    text = template.hakeeper_yaml("VI_1", "web", None, "http://127.0.0.1:80/v1")

    assert parse(text, "test").hetzner.endpoint == "http://127.0.0.1:80/v1"
