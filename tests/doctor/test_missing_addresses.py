"""Which addresses a MASTER must have, and which need not be there."""

from dataclasses import replace

import pytest

from hakeeper.core.model import Role
from tests.support.resources import fip
from tests.support.server_facts import CONF, WEB, Case, at, listed

SIX = "2001:db8:1:2::"


def master(conf: str = CONF, **roles: Role) -> Case:
    case = replace(Case(), conf=conf)
    return case.with_keepalived(roles={"VI_1": Role.MASTER, **roles})


def gone(case: Case) -> list[tuple[str, str]]:
    found = [each for _, each in case.findings() if "is MASTER of" in each.what]
    return [(each.severity.value, each.what.rpartition(", but ")[2].split()[0]) for each in found]


def with_ipv6(case: Case) -> Case:
    changed = case.with_conf(
        "    virtual_ipaddress {",
        f"    virtual_ipaddress_excluded {{\n        {SIX}1/128 dev eth0\n    }}\n"
        "    virtual_ipaddress {",
    ).with_yaml("[web]", f'[web, "{SIX}/64"]')
    six = replace(at(WEB, f"{SIX}/64"), id=fip(4712), name="six")
    return changed.with_api(listed=listed(WEB, six))


@pytest.mark.parametrize(
    ("here", "missing"),
    [
        ((f"{SIX}1", "203.0.113.10"), []),
        (("203.0.113.10",), [("error", f"{SIX}1")]),
        ((f"{SIX}2", "203.0.113.10"), [("error", f"{SIX}1")]),
        ((f"{SIX}1",), [("error", "203.0.113.10")]),
    ],
)
def test_each_address_is_checked_separately(
    here: tuple[str, ...], missing: list[tuple[str, str]]
) -> None:
    """Another one of the same IPv6 network, one that stands for good, is not the virtual one."""
    assert missing == gone(with_ipv6(master()).here("10.0.0.2", *here))


def test_an_address_that_hetzner_does_not_route_is_a_warning() -> None:
    case = master().with_conf("        203.0.113.10/32 dev eth0\n",
        "        203.0.113.10/32 dev eth0\n        10.0.0.100/32 dev enp7s0\n")  # fmt: skip

    assert [("warning", "10.0.0.100")] == gone(case.here("10.0.0.2", "203.0.113.10"))


def test_only_the_member_that_is_master_must_have_its_addresses() -> None:
    second = CONF[CONF.index("vrrp_instance") :].replace("VI_1", "VI_2").replace(".10/", ".11/")
    grouped = CONF + second + "vrrp_sync_group G {\n  group {\n    VI_1\n VI_2\n  }\n}\n"
    case = master(grouped, VI_2=Role.BACKUP).with_yaml("instances", "groups").with_yaml("VI_1", "G")

    assert [] == gone(case.here("10.0.0.2", "203.0.113.10"))
    assert [("error", "203.0.113.10")] == gone(case)


@pytest.mark.parametrize("role", [Role.BACKUP, Role.FAULT])
def test_only_a_master_must_have_its_addresses(role: Role) -> None:
    assert [] == gone(Case().with_keepalived(roles={"VI_1": role}))


def test_a_keepalived_in_another_network_namespace_is_not_judged() -> None:
    assert [] == gone(master().with_conf("global_defs {", "net_namespace x\nglobal_defs {"))
    assert gone(master())
