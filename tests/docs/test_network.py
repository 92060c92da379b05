"""The page about firewall and network: its rules let adverts in, and its files make the address."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.demo.lab.netns import Namespace
from tests.support.markdown import blocks

PAGE = (Path(__file__).parents[2] / "docs/network.md").read_text()
VRRP = 112
"""IANA's number of the protocol (RFC 5798, section 5.1.1.4)."""
LAST = 253
"""A protocol for experiments (RFC 3692), which the firewall of the test lets in."""
DROPS = """\
table inet filter {
    chain input { type filter hook input priority filter; policy drop; ip protocol 253 accept; }
    chain forward { type filter hook forward priority filter; policy accept; }
}
"""
ADDRESS = "203.0.113.10/32"


def section(title: str) -> str:
    """The text of a section of the page."""
    found = re.search(rf"(?ms)^## {re.escape(title)}$(.*?)(?=^## |\Z)", PAGE)
    assert found is not None
    return found[1]


def block(text: str, language: str = "") -> str:
    """The one block of a language in a text."""
    [only] = blocks(text, language)
    return only


@pytest.fixture
def servers() -> Iterator[tuple[Namespace, Namespace]]:
    """This server, 10.0.0.2, and a machine that is 10.0.0.3, the peer, and 10.0.0.4, a stranger."""
    here, there = (Namespace(f"hknet{name}{os.getpid()}") for name in "ab")
    with here, there:
        here.ip(f"link add enp7s0 type veth peer name enp7s0 netns {there.pid}")
        here.ip("address add 10.0.0.2/24 dev enp7s0", "link set enp7s0 up")
        there.ip(
            "address add 10.0.0.3/24 dev enp7s0",
            "address add 10.0.0.4/24 dev enp7s0",
            "link set enp7s0 up",
        )
        yield here, there


def arrive(servers: tuple[Namespace, Namespace]) -> set[str]:
    """The sources whose adverts get through, of both."""
    here, there = servers
    with raw(here, VRRP) as adverts, raw(here, LAST) as last:
        for source in ("10.0.0.3", "10.0.0.4"):
            with raw(there, VRRP) as sender:
                sender.bind((source, 0))
                sender.sendto(b"advert", ("10.0.0.2", 0))
        with raw(there, LAST) as sender:
            sender.sendto(b"that was all", ("10.0.0.2", 0))
        last.recv(2048)  # a packet overtakes none: what has not come by now was dropped
        adverts.settimeout(0)
        found: set[str] = set()
        while True:
            try:
                found.add(adverts.recvfrom(2048)[1][0])
            except BlockingIOError:
                return found


def raw(namespace: Namespace, protocol: int) -> socket.socket:
    """A socket for packets of a protocol, in a namespace."""
    return namespace.made(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol))


def test_a_firewall_that_drops_the_rest_needs_the_rules(
    servers: tuple[Namespace, Namespace],
) -> None:
    here, _ = servers
    assert {"10.0.0.3", "10.0.0.4"} == arrive(servers)
    here.run("nft", "-f", "-", given=DROPS)
    assert set() == arrive(servers)
    here.run("nft", "-f", "-", given=block(section("nftables")))
    assert set() == arrive(servers), "the table alone is not enough, as the page says"
    here.run("sh", "-ec", block(section("nftables"), "sh"))
    assert {"10.0.0.3"} == arrive(servers)


def test_without_another_firewall_the_table_keeps_strangers_out(
    servers: tuple[Namespace, Namespace],
) -> None:
    servers[0].run("nft", "-f", "-", given=block(section("nftables")))
    assert {"10.0.0.3"} == arrive(servers)


def test_ufw_makes_a_rule_of_it(servers: tuple[Namespace, Namespace]) -> None:
    command = block(section("ufw"), "sh").strip()
    said = servers[0].run(*command.replace("ufw ", "ufw --dry-run ", 1).split())
    assert "-A ufw-user-input -p vrrp -s 10.0.0.3 -j ACCEPT" in said


def test_tcpdump_shows_adverts(servers: tuple[Namespace, Namespace]) -> None:
    here, there = servers
    command = block(section("See that adverts get through"), "sh").strip().replace("'", "")
    name, *arguments = command.split(maxsplit=5)
    watching = subprocess.Popen(
        here.inside([name, "--immediate-mode", "-l", "-c", "1", *arguments]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stderr is not None
    assert any("listening on enp7s0" in line for line in iter(watching.stderr.readline, ""))
    with raw(there, VRRP) as sender:
        sender.sendto(b"advert", ("10.0.0.2", 0))
    said, _ = watching.communicate(timeout=60)
    assert "10.0.0.3 > 10.0.0.2" in said


def test_the_rule_for_large_packets_is_one(servers: tuple[Namespace, Namespace]) -> None:
    servers[0].run("nft", "-f", "-", given=DROPS)
    [rule] = re.findall(r"`(nft insert rule inet filter forward [^`]*)`", section("MTU"))
    servers[0].run(*rule.split())
    assert "maxseg size set rt mtu" in servers[0].run("nft", "list", "ruleset")


def test_netplan_and_networkd_get_the_same_addresses(tmp_path: Path) -> None:
    page = section("The address in the system, for good")
    folder = tmp_path / "etc/netplan"
    folder.mkdir(parents=True)
    plan = folder / "60-floating-ip.yaml"
    plan.write_text(block(page, "yaml"))
    plan.chmod(0o600)
    subprocess.run(["netplan", "generate", "--root-dir", tmp_path], check=True, timeout=60)
    made = (tmp_path / "run/systemd/network/10-netplan-lo.network").read_text()

    def lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith(("Name=", "Address="))]

    assert lines(made) == lines(block(page, "ini"))


def test_ifupdown_adds_the_address(tmp_path: Path) -> None:
    page = section("The address in the system, for good")
    file = tmp_path / "interfaces"
    file.write_text(block(page))
    with Namespace(f"hkifup{os.getpid()}") as server:
        server.run("ifup", "--state-dir", str(tmp_path), "-i", str(file), "lo:hakeeper")
        assert ADDRESS in server.run("ip", "-brief", "address", "show", "dev", "lo")
