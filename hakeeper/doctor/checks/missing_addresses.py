"""Addresses that keepalived has added as MASTER and that something has removed since."""

from collections.abc import Iterator

from hakeeper.core.model import IpAddress, Role
from hakeeper.core.observation import IpNetwork
from hakeeper.doctor.conf.configuration import Instance, KeepalivedConf, Vip
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, When, error, warning


def missing_addresses(facts: Facts) -> Iterator[CheckResult]:
    """Check that each MASTER has its addresses, including `virtual_ipaddress_excluded`."""
    conf, roles = facts.conf, facts.keepalived.roles
    # A keepalived in its own network namespace has interfaces that we cannot see.
    if conf is None or roles is None or "net_namespace" in conf.all_keywords:
        return
    if not facts.keepalived.is_in_force:
        return
    moved = list(_moved(facts))
    for one in _followed(facts, conf):
        if roles.get(one.name) is not Role.MASTER:
            continue
        for vip in one.vips:
            if vip.interface.ip not in facts.machine.here:
                yield _gone(one, vip, is_moved=_is_in(vip.interface.ip, moved))


def _followed(facts: Facts, conf: KeepalivedConf) -> list[Instance]:
    found = {one.name: one for vrrp in facts.config.config.resources for one in conf.members(vrrp)}
    return list(found.values())


def _moved(facts: Facts) -> Iterator[IpNetwork]:
    for _, ref in facts.config.wanted():
        found = facts.find(ref)
        network = ref.network or (None if found is None else found.network)
        if network is not None:
            yield network


def _is_in(ip: IpAddress, networks: list[IpNetwork]) -> bool:
    return any(ip.version == one.version and ip in one for one in networks)


def _gone(instance: Instance, vip: Vip, *, is_moved: bool) -> Finding:
    device = instance.device_of(vip) or "DEV"
    make = error if is_moved else warning
    return make(
        f"keepalived is MASTER of {instance.name}, but {vip.interface.ip} is on no interface here",
        why="this machine drops packets to that address, and keepalived does not add it again",
        cure=f"ip address add {vip.interface} dev {device}    # and see what removed it:"
        " journalctl -u systemd-networkd -n 30",
        place=vip.place,
        when=When.NOW,
    )
