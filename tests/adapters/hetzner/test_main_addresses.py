"""Which server this machine is at Robot: by its main addresses, without a request."""

import ipaddress
from collections.abc import Iterable

import pytest

from hakeeper.adapters.hetzner.errors import LocalFailureError
from hakeeper.adapters.hetzner.robot.identify import MainAddresses, source_address
from hakeeper.core.calls import NO_IDENTITY, FailureKind
from hakeeper.core.model import IpAddress
from hakeeper.core.observation import IpNetwork

IPV4, IPV6 = "198.51.100.1", "2001:db8:1:2::2"
FAILOVER_4, FAILOVER_6 = "203.0.113.7", "2001:db8:fa11::/64"


def networks(*texts: str) -> tuple[IpNetwork, ...]:
    return tuple(map(ipaddress.ip_network, texts))


def found(ipv4: str | None, ipv6: str | None, *moved: str) -> MainAddresses:
    """Make an `auto` on a machine that sends from these addresses."""
    sources: dict[int, IpAddress | None] = {
        4: None if ipv4 is None else ipaddress.ip_address(ipv4),
        6: None if ipv6 is None else ipaddress.ip_address(ipv6),
    }
    return MainAddresses((), networks(*moved), source=sources.__getitem__)


def given(*texts: str, is_here: bool) -> MainAddresses:
    return MainAddresses(networks(*texts), (), is_here=lambda _: is_here)


def why(main: MainAddresses) -> str:
    with pytest.raises(LocalFailureError) as failure:
        main.identify()
    assert (FailureKind.TRANSIENT, NO_IDENTITY) == (failure.value.kind, failure.value.code)
    assert "robot.server" in str(failure.value)
    return str(failure.value)


@pytest.mark.parametrize("is_here", [True, False])
def test_a_configured_server_is_this_machine_if_it_has_one_of_its_addresses(
    *, is_here: bool
) -> None:
    known = given("2001:db8:1:2::/64", IPV4, is_here=is_here).identify()
    assert is_here is known.is_here
    assert (IPV4, ("2001:db8:1:2::",)) == (known.server.id, known.server.also)
    assert networks("2001:db8:1:2::/64", IPV4) == known.server.own
    assert ("running", IPV4) == (known.server.status, known.server.name)


def test_auto_is_what_the_machine_sends_from() -> None:
    server = found(IPV4, IPV6, FAILOVER_4, FAILOVER_6).identify().server
    assert (IPV4, "2001:db8:1:2::") == server.keys


def test_only_families_of_failover_ips_are_looked_at() -> None:
    assert (IPV4,) == found(IPV4, IPV6, FAILOVER_4).identify().server.keys
    assert ("2001:db8:1:2::",) == found(IPV4, IPV6, FAILOVER_6).identify().server.keys


@pytest.mark.parametrize(
    ("address", "part"),
    [
        (None, "no way to the internet"),
        ("127.0.0.1", "no global address"),
        ("169.254.3.4", "no global address"),
        ("10.0.0.2", "private"),
        ("100.64.0.9", "private"),
        (FAILOVER_4, "a failover IP"),
    ],
)
def test_what_may_not_be_the_main_address_is_told(address: str | None, part: str) -> None:
    assert part in why(found(address, None, FAILOVER_4))


def test_an_address_in_a_failover_network_is_none() -> None:
    assert "a failover IP" in why(found(None, "2001:db8:fa11::3", FAILOVER_6))


def test_one_family_is_enough() -> None:
    """What cannot be moved without the other one, the kind says."""
    both = found(IPV4, "2001:db8:fa11::3", FAILOVER_4, FAILOVER_6)
    assert (IPV4,) == both.identify().server.keys


def test_a_kernel_that_cannot_be_asked_is_no_other_machine() -> None:
    def broken(_: Iterable[IpNetwork]) -> bool:
        raise OSError("no descriptor")

    with pytest.raises(LocalFailureError, match="no descriptor"):
        MainAddresses(networks(IPV4), (), is_here=broken).identify()


@pytest.mark.parametrize("version", [4, 6])
def test_the_kernel_is_asked_without_sending(version: int) -> None:
    address = source_address(version)
    assert address is None or version == address.version
