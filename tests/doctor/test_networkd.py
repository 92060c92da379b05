"""systemd-networkd on keepalived's interfaces: what its files say, and when that is no trouble."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from hakeeper.doctor.facts import NetworkdFacts, NetworkdLink
from hakeeper.doctor.gather.networkd import networkd_facts
from tests.support.server_facts import Case

FILE = "/run/systemd/network/10-netplan-lo.network"
LO = "1"
"""The index of `lo` in every network namespace."""


def found(case: Case) -> list[str]:
    return [each.why for name, each in case.findings() if name == "networkd"]


@pytest.mark.parametrize(
    "changes",
    [
        {"keep": "yes"},
        {"keep": "true"},
        {"keep": "static"},
        {"keep": "", "static": frozenset((ip_address("203.0.113.10"),))},
    ],
)
def test_settings_that_keep_the_address_pass(changes: dict[str, object]) -> None:
    assert [] == found(Case().with_link(**changes))


@pytest.mark.parametrize("keep", ["", "no", "dhcp", "dynamic-on-stop"])
def test_settings_that_keep_only_leases_do_not_keep_the_address(keep: str) -> None:
    [why] = found(Case().with_link(keep=keep))
    assert "goes to BACKUP, and returns with them" in why


def test_an_address_that_keepalived_does_not_watch_is_lost_for_good() -> None:
    case = Case().with_conf("dev eth0", "dev eth0 no_track")
    [why] = found(case.with_link(keep="static"))

    assert "stays MASTER and never adds them again" in why
    assert [] == found(case.with_link(keep="yes"))


def test_an_interface_that_it_does_not_manage_is_no_trouble() -> None:
    assert [] == found(Case().with_conf("dev eth0", "dev enp7s0").with_link(keep=""))


def test_without_netplan_it_is_not_spoken_of() -> None:
    def cure(file: str) -> str:
        findings = Case().with_link(keep="", network_file=file).findings()
        return next(each.cure for name, each in findings if name == "networkd")

    assert "to netplan" in cure(FILE)
    assert "to netplan" not in cure("/etc/systemd/network/a.network")


# --- the files -----------------------------------------------------------------------------------


def put(root: Path, path: str, text: str) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def managed(root: Path, state: str = "configured") -> None:
    put(root, f"/run/systemd/netif/links/{LO}", f"ADMIN_STATE={state}\nNETWORK_FILE={FILE}\n")


def look(root: Path) -> NetworkdFacts:
    return networkd_facts(["lo", "nonexistent0"], root)


def test_without_networkd_there_is_nothing(tmp_path: Path) -> None:
    assert NetworkdFacts() == look(tmp_path)


@pytest.mark.parametrize("text", ["ADMIN_STATE=unmanaged\n", "", "NETWORK_FILE=\n", "\0\xff"])
def test_an_interface_without_a_file_is_not_managed(tmp_path: Path, text: str) -> None:
    put(tmp_path, f"/run/systemd/netif/links/{LO}", text)
    assert {} == look(tmp_path).links


def test_a_file_and_its_drop_ins_are_read_in_their_order(tmp_path: Path) -> None:
    managed(tmp_path)
    text = "[Match]\nName=lo\n[Network]\nAddress=192.0.2.2/24\nDHCP=no\nKeepConfiguration=no\n"
    put(tmp_path, FILE, text + "[Address]\nAddress=2001:db8::1/64\n# Address=192.0.2.9/32\n")
    put(tmp_path, "/usr/lib/systemd/network/10-netplan-lo.network.d/b.conf",
        "[Network]\nKeepConfiguration=static\n")  # fmt: skip
    put(tmp_path, "/etc/systemd/network/10-netplan-lo.network.d/a.conf",
        "[Network]\nKeepConfiguration = Yes\nAddress=203.0.113.10/32\nAddress=\n")  # fmt: skip
    put(tmp_path, "/etc/systemd/network/10-netplan-lo.network.d/z.off", "[Network]\nAddress=::1\n")
    wanted = NetworkdLink(
        name="lo",
        network_file=FILE,
        keep="static",
        static=frozenset(map(ip_address, ("192.0.2.2", "2001:db8::1", "203.0.113.10"))),
    )

    assert {"lo": wanted} == look(tmp_path).links
    put(tmp_path, "/etc/systemd/network/10-netplan-lo.network.d/b.conf", "")
    assert "yes" == look(tmp_path).links["lo"].keep


def test_a_missing_file_yields_nothing(tmp_path: Path) -> None:
    managed(tmp_path)
    assert NetworkdLink(name="lo", network_file=FILE) == look(tmp_path).links["lo"]


def test_networkds_own_settings(tmp_path: Path) -> None:
    managed(tmp_path)
    put(tmp_path, "/usr/lib/systemd/networkd.conf", "[Network]\nManageForeignRoutes=no\n")
    assert {"ManageForeignRoutes": "no"} == look(tmp_path).settings
    put(tmp_path, "/etc/systemd/networkd.conf", "[Network]\n[DHCPv4]\nDUIDType=vendor\n")
    put(tmp_path, "/etc/systemd/networkd.conf.d/x.conf", "[Network]\nManageForeignRoutes=yes\n")
    assert {"ManageForeignRoutes": "yes"} == look(tmp_path).settings
