"""The key `alias_ips`: an address, or a mapping that says in which network it lies."""

from typing import Any, cast

import pytest

from hakeeper.config import ConfigErrors, parse
from hakeeper.kinds import ALIAS_IPS
from tests.config.test_config import VI_1


def items(text: str) -> str:
    return f"instances: {{VI_1: {{alias_ips: [{text}]}}}}\n"


def error_of(text: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        parse(items(text), "f.yaml")
    [error] = caught.value.errors
    return str(error)


def test_an_item_is_an_address_or_a_mapping() -> None:
    mapped = "{ip: 10.0.0.101}, {ip: 10.0.0.102, network: internal}, {network: 7, ip: 10.0.0.103}"
    config = parse(items(f"10.0.0.100, {mapped}"), "f.yaml")
    assert {
        VI_1: (
            ALIAS_IPS.ref("10.0.0.100"),
            ALIAS_IPS.ref("10.0.0.101"),
            ALIAS_IPS.ref("10.0.0.102", network="internal"),
            ALIAS_IPS.ref("10.0.0.103", network="7"),
        )
    } == config.resources
    shown = ["10.0.0.100", "10.0.0.101", "10.0.0.102 in internal", "10.0.0.103 in 7"]
    assert [{"alias_ips": shown}] == [
        {"alias_ips": entry["alias_ips"]} for entry in cast("Any", config.as_json()["addresses"])
    ]


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ("4711", "`4711` is not a valid address; expected the address of an alias IP"),
        ("web", "`web` is not a valid address; expected the address of an alias IP"),
        ("10.0.0.100/32", "has a prefix: an alias IP is one address; write `10.0.0.100` without"),
        ("'fd00::1'", "`fd00::1` is IPv6, which private networks at Hetzner do not have"),
        ("{network: internal}", "lacks the key `ip`; expected ip and network"),
        ("{ip: 10.0.0.1, net: a}", "has the unknown key `net`; expected ip and network"),
        ("{ip: web}", "`web` is not a valid address; expected such as {ip: 10.0.0.100, network:"),
        ("{ip: 4711}", "`4711` is not a valid address"),
        ("{ip: }", "has no value; expected a value for `ip`, such as {ip: 10.0.0.100,"),
        ("{ip: 10.0.0.1, network: no}", "YAML reads the unquoted `no` as the boolean false"),
        ("{ip: 10.0.0.1, network: ''}", "is empty; expected a value for `network`, such as {ip:"),
        (
            "{ip: 10.0.0.1, network: [7]}",
            "expected a value for `network`, such as {ip: 10.0.0.100, network: internal}, got a",
        ),
        ("{ip: 10.0.0.1, ip: 10.0.0.2}", "duplicate key; it is already in line 1"),
        ("10.0.0.1, 10.0.0.1", "`10.0.0.1` is already listed"),
        ("[10.0.0.1]", "expected the address of an alias IP, got a list"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(item: str, error: str) -> None:
    said = error_of(item)
    assert said.startswith("f.yaml:1:")
    assert "instances.VI_1.alias_ips[" in said
    assert error in said


def test_a_floating_ip_has_no_such_mapping() -> None:
    with pytest.raises(ConfigErrors, match="has the unknown key `ip`; expected label"):
        parse("instances: {VI_1: {floating_ips: [{ip: 203.0.113.10}]}}", "f.yaml")
