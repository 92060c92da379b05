"""What systemd-networkd does to keepalived's addresses, and what the check's way out does to that.

The check's words (`doctor/checks/networkd.py`) and the table in docs/check.md rest on this.
"""

import json
import shutil
from collections.abc import Iterator
from ipaddress import ip_interface
from pathlib import Path

import pytest

from hakeeper.doctor.checks.networkd import finding_of
from hakeeper.doctor.conf.configuration import Vip
from hakeeper.doctor.facts import NetworkdLink
from hakeeper.doctor.finding import Place
from tests.package.building import Build
from tests.package.machine import Machine, booted
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(1800)
PATIENCE_S = 60.0
FILE = "/run/systemd/network/10-netplan-pub0.network"
"""As netplan writes it."""
ADDRESS = "203.0.113.10"
LOOK = """\
import dataclasses, json, sys
sys.path.insert(0, "/usr/lib/hakeeper")
from hakeeper.doctor.gather.networkd import networkd_facts
links = networkd_facts(["priv0", "pub0", "pubp"]).links
print(json.dumps({name: [each.network_file, each.keep] for name, each in links.items()}))
"""


def keepalived_conf(flag: str) -> str:
    return f"""\
global_defs {{
    enable_dbus
}}
vrrp_instance VI_1 {{
    interface priv0
    virtual_router_id 51
    version 3
    priority 100
    unicast_src_ip 10.0.0.2
    unicast_peer {{
        10.0.0.3
    }}
    virtual_ipaddress {{
        {ADDRESS}/32 dev pub0 {flag}
    }}
}}
"""


@pytest.fixture
def machine(base: Path, first: Build, tmp_path: Path) -> Iterator[Machine]:
    """A booted machine with two interfaces that systemd-networkd manages, and the package."""
    with booted(base, tmp_path / "machine") as machine:
        shutil.copy(first.deb, machine.inside("/root/this.deb"))
        machine.run("apt-get install --yes -o Dpkg::Use-Pty=0 /root/this.deb")
        machine.run("mkdir -p /run/systemd/network")
        for name, ip in (("priv", "10.0.0.2"), ("pub", "192.0.2.2")):
            machine.run(f"ip link add {name}0 type veth peer name {name}p; ip link set {name}p up")
            machine.inside(f"/run/systemd/network/10-netplan-{name}0.network").write_text(
                f"[Match]\nName={name}0\n[Network]\nAddress={ip}/24\nLinkLocalAddressing=no\n"
            )
        machine.run("systemctl restart systemd-networkd")
        is_configured(machine)
        yield machine


def is_configured(machine: Machine) -> None:
    def told() -> bool:
        return machine.says("networkctl list --no-legend").count("configured") >= 2 and (
            "configuring" not in machine.says("networkctl list --no-legend")
        )

    eventually(told, PATIENCE_S, "networkd has done its work")


def has_address(machine: Machine) -> bool:
    return f" {ADDRESS}/32" in machine.says("ip -brief address show dev pub0") + " "


def starts_keepalived(machine: Machine, flag: str = "") -> None:
    machine.inside("/etc/keepalived/keepalived.conf").write_text(keepalived_conf(flag))
    machine.run("systemctl restart keepalived")
    eventually(lambda: has_address(machine), PATIENCE_S, "keepalived adds its address")


def masters(machine: Machine) -> int:
    machine.run("journalctl --sync")
    return machine.says("journalctl -u keepalived -o cat").count("Entering MASTER STATE")


def test_networkd_takes_away_what_keepalived_adds_and_the_way_out_ends_that(
    machine: Machine,
) -> None:
    assert {"pub0": [FILE, ""]}.items() <= looked(machine).items()
    assert "pubp" not in looked(machine)

    starts_keepalived(machine)
    before = masters(machine)
    machine.run("networkctl reconfigure pub0")
    eventually(lambda: masters(machine) > before, PATIENCE_S, "keepalived is MASTER once more")
    eventually(lambda: has_address(machine), PATIENCE_S, "with its address")

    starts_keepalived(machine, "no_track")
    before = masters(machine)
    machine.run("networkctl reconfigure pub0")
    is_configured(machine)
    assert not has_address(machine)
    assert is_master(machine)
    assert before == masters(machine)

    starts_keepalived(machine)
    cure_it(machine)
    assert {"pub0": [FILE, "yes"]}.items() <= looked(machine).items()
    machine.run("ip monitor address >/root/seen 2>&1 & echo $! >/root/pid")
    eventually(lambda: monitors(machine), PATIENCE_S, "every change is written down")
    for command in ("networkctl reconfigure pub0", "systemctl restart systemd-networkd"):
        machine.run(command)
        is_configured(machine)
        assert has_address(machine)
    machine.run("kill $(cat /root/pid)")
    changes = machine.says("cat /root/seen").splitlines()
    assert not [each for each in changes if "Deleted" in each and ADDRESS in each]


def looked(machine: Machine) -> dict[str, list[str]]:
    machine.inside("/root/look").write_text(LOOK)
    found: dict[str, list[str]] = json.loads(machine.run("python3 /root/look").stdout)
    return found


def is_master(machine: Machine) -> bool:
    path = "/org/keepalived/Vrrp1/Instance/priv0/51/IPv4 org.keepalived.Vrrp1.Instance State"
    return '"Master"' in machine.says(f"busctl get-property org.keepalived.Vrrp1 {path}")


def cure_it(machine: Machine) -> None:
    """Do what the finding says."""
    vip = Vip(interface=ip_interface(ADDRESS), device="pub0", place=Place("x"))
    finding = finding_of(NetworkdLink(name="pub0", network_file=FILE), [vip], "are away")
    machine.run(finding.cure.partition("    #")[0])


def monitors(machine: Machine) -> bool:
    """Have another address come and go, and see whether it was seen."""
    machine.run("ip address add 192.0.2.77/32 dev privp; ip address del 192.0.2.77/32 dev privp")
    return "192.0.2.77" in machine.says("cat /root/seen")
