"""Whether an address is on this machine, asked of the kernel in a namespace of our own."""

import contextlib
import ipaddress
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from hakeeper.adapters import local_addresses
from hakeeper.adapters.local_addresses import VrrpAddresses
from hakeeper.core.events import VrrpAddressesSeen
from hakeeper.core.model import IpAddress
from hakeeper.demo.lab.netns import Namespace, _enter
from tests.support.privileges import unprivileged
from tests.support.waiting import eventually

T = TypeVar("T")

PRIMARY, SECONDARY, ALONE, FAR = "10.99.0.1", "10.99.0.50", "10.97.0.1", "10.98.0.1"
NOT_HERE = ["10.99.0.7", "10.99.0.255", "10.99.0.0", "10.98.0.2", "8.8.8.8", "255.255.255.255"]
OURS6, LINK6 = "fd99::1", "fe80::1"


def ips(*texts: str) -> tuple[IpAddress, ...]:
    return tuple(map(ipaddress.ip_address, texts))


def inside(namespace: Namespace, ask: Callable[[], T]) -> T:
    """Have a thread of its own ask in there; this one stays where it is."""
    answers: list[T] = []

    def run() -> None:
        _enter(namespace.path)
        answers.append(ask())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    [answer] = answers
    return answer


LOOPBACK = ips("127.0.0.1", "::1")


def seen(namespace: Namespace, *wanted: str) -> tuple[IpAddress, ...]:
    """What the first look finds of these."""
    news = inside(namespace, VrrpAddresses(ips(*wanted)).look)
    assert news is not None
    return news.here


@pytest.fixture(scope="module")
def machine() -> Iterator[Namespace]:
    """One interface with two addresses in a network, one beyond it, one on the loopback."""
    with Namespace(f"hkaddr{os.getpid()}") as namespace:
        namespace.ip(
            "link add eth0 type veth peer name far0",
            "link set far0 up",
            "link set eth0 up",
            f"address add {PRIMARY}/24 dev eth0",
            f"address add {SECONDARY}/24 dev eth0",
            f"address add {FAR} peer 10.98.0.2 dev eth0",
            f"address add {ALONE}/32 dev lo",
            f"address add {OURS6}/64 dev eth0 nodad",
            f"address add {LINK6}/64 dev eth0 nodad",
        )
        yield namespace


@contextlib.contextmanager
def nonlocal_bind(namespace: Namespace) -> Iterator[None]:
    """What is set beside keepalived so that a standby can bind to the virtual address."""
    for value in ("1", "0"):
        namespace.run("sh", "-c", f"echo {value} > /proc/sys/net/ipv4/ip_nonlocal_bind")
        if value == "1":
            yield


@contextlib.contextmanager
def default_route(namespace: Namespace) -> Iterator[None]:
    namespace.ip("route add default via 10.99.0.254")
    yield
    namespace.ip("route del default")


@pytest.mark.parametrize("with_default_route", [False, True])
@pytest.mark.parametrize("with_nonlocal_bind", [False, True])
@pytest.mark.parametrize("address", [PRIMARY, SECONDARY, ALONE, FAR, *NOT_HERE])
def test_an_address_is_here_exactly_when_an_interface_has_it(
    machine: Namespace,
    address: str,
    with_nonlocal_bind: bool,  # noqa: FBT001  # a parameter of the test
    with_default_route: bool,  # noqa: FBT001  # likewise
) -> None:
    with contextlib.ExitStack() as stack:
        if with_nonlocal_bind:
            stack.enter_context(nonlocal_bind(machine))
        if with_default_route:
            stack.enter_context(default_route(machine))
        expected = () if address in NOT_HERE else ips(address)
        assert expected == seen(machine, address)


def test_no_privilege_is_needed(machine: Namespace) -> None:
    def ask() -> VrrpAddressesSeen | None:
        with unprivileged():
            return VrrpAddresses(ips(PRIMARY, NOT_HERE[0], OURS6)).look()

    news = inside(machine, ask)
    assert VrrpAddressesSeen(ips(PRIMARY, OURS6)) == news


@pytest.mark.parametrize("end", ["eth0", "far0"])
def test_a_link_that_is_down_is_not_our_business(machine: Namespace, end: str) -> None:
    machine.ip(f"link set {end} down")
    try:
        assert ips(PRIMARY, SECONDARY) == seen(machine, PRIMARY, SECONDARY)
    finally:
        machine.ip(
            f"link set {end} up",
            f"address replace {OURS6}/64 dev eth0 nodad",
            f"address replace {LINK6}/64 dev eth0 nodad",
        )


def test_an_address_counts_from_the_moment_it_is_added_to_the_moment_it_is_removed(
    machine: Namespace,
) -> None:
    looker = VrrpAddresses(ips("10.99.0.9", PRIMARY))
    assert VrrpAddressesSeen(ips(PRIMARY)) == inside(machine, looker.look)
    assert None is inside(machine, looker.look)
    machine.ip("address add 10.99.0.9/24 dev eth0")
    assert VrrpAddressesSeen(ips("10.99.0.9", PRIMARY)) == inside(machine, looker.look)
    machine.ip("address delete 10.99.0.9/24 dev eth0")
    assert VrrpAddressesSeen(ips(PRIMARY)) == inside(machine, looker.look)


# --- IPv6 ----------------------------------------------------------------------------------------


def test_an_ipv6_address_of_an_interface_is_here_and_another_is_not(machine: Namespace) -> None:
    assert ips(OURS6, LINK6) == seen(machine, OURS6, "fd99::7", LINK6, "fe80::7")


def test_an_ipv6_address_whose_uniqueness_is_being_checked_does_not_count_yet(
    machine: Namespace,
) -> None:
    # With an answer awaited for hours nothing depends on the moment of looking.
    machine.run("sh", "-c", "echo 9999 > /proc/sys/net/ipv6/conf/eth0/dad_transmits")
    machine.ip("address add fd99::2/64 dev eth0")
    assert () == seen(machine, "fd99::2")
    machine.ip("address delete fd99::2/64 dev eth0", "address add fd99::2/64 dev eth0 nodad")
    assert ips("fd99::2") == seen(machine, "fd99::2")
    machine.ip("address delete fd99::2/64 dev eth0")


def test_an_ipv6_address_that_another_machine_has_does_not_count(machine: Namespace) -> None:
    neighbour = Namespace(f"hkaddrb{os.getpid()}")
    with neighbour:
        machine.ip(f"link add eth1 type veth peer name eth1 netns {neighbour.pid}")
        neighbour.ip("address add fd98::2/64 dev eth1 nodad", "link set eth1 up")
        machine.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth1/dad_transmits")
        machine.ip("link set eth1 up", "address add fd98::2/64 dev eth1")
        eventually(
            lambda: "dadfailed" in machine.run("ip", "-6", "address", "show", "dev", "eth1"),
            what="the neighbour to defend its address",
        )
        assert () == seen(machine, "fd98::2")
        machine.ip("link del eth1")


def listing(monkeypatch: pytest.MonkeyPatch, path: Path, flags: str) -> VrrpAddresses:
    """Let the kernel's list hold one address with these flags."""
    path.write_text(f"{LOOPBACK[1].packed.hex()} 01 80 10 {flags}       lo\n")
    monkeypatch.setattr(local_addresses, "_IF_INET6", path)
    return VrrpAddresses(LOOPBACK[1:])


@pytest.mark.parametrize(
    ("flags", "here"), [("80", True), ("a0", True), ("40", False), ("08", False), ("c8", False)]
)
def test_the_flags_of_an_ipv6_address_tell_whether_it_can_be_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: str,
    here: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    looker = listing(monkeypatch, tmp_path / "if_inet6", flags)
    assert VrrpAddressesSeen(LOOPBACK[1:] if here else ()) == looker.look()


def test_without_ipv6_no_such_address_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looker = listing(monkeypatch, tmp_path / "if_inet6", "80")
    assert VrrpAddressesSeen(LOOPBACK[1:]) == looker.look()
    (tmp_path / "if_inet6").unlink()
    assert VrrpAddressesSeen(()) == looker.look()


# --- what is news, and what a failed look says -------------------------------------------------


def test_nothing_wanted_is_never_news() -> None:
    assert None is VrrpAddresses(()).look()


def test_an_address_that_is_listed_twice_is_checked_once() -> None:
    assert VrrpAddressesSeen(LOOPBACK[:1]) == VrrpAddresses(LOOPBACK[:1] * 3).look()


def test_the_watched_addresses_can_change() -> None:
    looker = VrrpAddresses(LOOPBACK[:1])
    assert VrrpAddressesSeen(LOOPBACK[:1]) == looker.look()
    looker.want(LOOPBACK)
    assert VrrpAddressesSeen(LOOPBACK) == looker.look()
    looker.want(LOOPBACK[1:])
    assert VrrpAddressesSeen(LOOPBACK[1:]) == looker.look()
    looker.want(())
    assert None is looker.look()
    looker.want(LOOPBACK[1:])
    assert None is looker.look()


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_check_without_a_free_descriptor_keeps_the_previous_result() -> None:
    looker = VrrpAddresses(LOOPBACK)
    assert VrrpAddressesSeen(LOOPBACK) == looker.look()
    with no_descriptors():
        assert None is looker.look()


def test_a_first_look_that_fails_vouches_for_nothing() -> None:
    with no_descriptors():
        assert VrrpAddressesSeen(()) == VrrpAddresses(LOOPBACK).look()
