"""What is moved, on this machine: in keepalived.conf, or permanently on an interface."""

import ipaddress
from collections.abc import Iterator

from hakeeper.core.model import IpAddress, Role, VrrpId
from hakeeper.core.observation import IpNetwork, ResourceRef, label_of
from hakeeper.doctor.checks.identity import is_private
from hakeeper.doctor.checks.ignored_lines import missing_because
from hakeeper.doctor.checks.movable import is_wrong
from hakeeper.doctor.conf.configuration import Instance, IpInterface, KeepalivedConf, Vip
from hakeeper.doctor.conf.records import Ignored
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import (
    CheckResult,
    Finding,
    Passed,
    When,
    error,
    not_checked,
    warning,
)
from hakeeper.kinds import ALIAS_IPS
from hakeeper.kinds.floating_ip import IPV6_PREFIX


def virtual_addresses(facts: Facts) -> Iterator[CheckResult]:
    """Check that this machine has each address when it is MASTER."""
    conf = facts.conf
    if conf is None:
        return
    for vrrp, ref in facts.config.wanted():
        members = conf.members(vrrp)
        network = _network(facts, ref)
        if network is not None and members and not is_wrong(facts, ref):
            yield from _configured(facts, conf, vrrp, network)
    for instance in _followed(facts, conf):
        for vip in instance.vips:
            yield from _judge_vip(facts, instance, vip)


def are_permanent(facts: Facts) -> bool:
    """Say whether all addresses are on this machine permanently, without keepalived."""
    conf = facts.conf
    networks = [_network(facts, ref) for _, ref in facts.config.wanted()]
    if conf is None or not networks or None in networks:
        return False
    vips = [vip.interface.ip for one in conf.instances for vip in one.vips]
    return all(
        any(_holds(network, ip) for ip in facts.machine.here)
        and not any(_holds(network, ip) for ip in vips)
        for network in networks
        if network is not None
    )


def _followed(facts: Facts, conf: KeepalivedConf) -> list[Instance]:
    """Return the instances that hakeeper.yaml names, each once."""
    found = {one.name: one for vrrp in facts.config.config.resources for one in conf.members(vrrp)}
    return list(found.values())


def _network(facts: Facts, ref: ResourceRef) -> IpNetwork | None:
    if ref.network is not None:
        return ref.network
    found = facts.find(ref)
    return None if found is None else found.network


def _holds(network: IpNetwork, ip: IpAddress) -> bool:
    return ip.version == network.version and ip in network


def _configured(
    facts: Facts, conf: KeepalivedConf, vrrp: VrrpId, network: IpNetwork
) -> Iterator[CheckResult]:
    members = conf.members(vrrp)
    vips = [vip for one in members for vip in one.vips if _holds(network, vip.interface.ip)]
    here = sorted(str(ip) for ip in facts.machine.here if _holds(network, ip))
    shown = label_of(network)
    if vips:
        yield Passed(f"{shown} is added by keepalived ({vips[0].place})")
        return
    elsewhere = [
        (one, vip)
        for one in conf.instances
        for vip in one.vips
        if _holds(network, vip.interface.ip)
    ]
    if elsewhere:
        one, vip = elsewhere[0]
        yield error(
            f"{shown} is a virtual address of {one.name}, but in hakeeper.yaml it follows {vrrp}",
            why=f"when {vrrp} becomes MASTER, keepalived does not add the address, and this machine"
            " drops its packets",
            cure=f"move the line `{vip.interface}` to virtual_ipaddress of {members[0].name}",
            place=vip.place,
        )
    elif not here and (lost := _ignored(conf, network)) is not None:
        yield missing_because(f"{shown} is not added by keepalived", lost, When.ALWAYS)
    elif here and (is_late := _is_from_older_conf(facts, vrrp, members, network)) is not False:
        yield from _from_older_conf(facts, members[0], network, is_sure=is_late is True)
    elif here:
        which = "" if network.num_addresses == 1 else f" ({', '.join(here)})"
        yield Passed(f"{shown} is on this machine permanently{which}")
    else:
        yield _not_configured(facts, members[0], network)


def _ignored(conf: KeepalivedConf, network: IpNetwork) -> Ignored | None:
    lost = (one for one in conf.ignored if one.address is not None)
    return next((one for one in lost if one.address and _holds(network, one.address)), None)


def _is_from_older_conf(
    facts: Facts, vrrp: VrrpId, members: tuple[Instance, ...], network: IpNetwork
) -> bool | None:
    """Say whether the MASTER added it by an older version of the file; None: not known."""
    roles = facts.keepalived.roles
    if roles is None:
        is_master = facts.daemon.roles.get(vrrp) == "master"
    else:
        is_master = any(roles.get(one.name) is Role.MASTER for one in members)
    late, links = facts.machine.added_late, facts.networkd.links.values()
    if not is_master or any(_holds(network, ip) for link in links for ip in link.static):
        return False
    if late is None:
        return None
    here = [ip for ip in facts.machine.here if _holds(network, ip)]
    return all(ip in late for ip in here)


def _from_older_conf(
    facts: Facts, instance: Instance, network: IpNetwork, *, is_sure: bool
) -> Iterator[CheckResult]:
    lacking = _not_configured(facts, instance, network)
    shown = f"{label_of(network)} is not in virtual_ipaddress of {instance.name}"
    if is_sure:
        yield error(
            f"{shown}, and is here only because keepalived is MASTER with an older file",
            why="keepalived removes it when it reads the new file; Hetzner then routes the packets"
            " here, and this machine drops them",
            cure=lacking.cure,
            place=instance.place,
            when=When.NEXT_START,
        )
    else:
        yield not_checked(
            f"whether it stays here: {shown}, the file has changed, and keepalived is MASTER",
            cure=f"if it is not on this machine permanently: {lacking.cure}",
            place=instance.place,
        )


def _not_configured(facts: Facts, instance: Instance, network: IpNetwork) -> Finding:
    ip = network.network_address
    example: IpInterface = ipaddress.ip_interface(f"{ip if network.version == 4 else ip + 1}")  # noqa: PLR2004  # IPv4
    device = interface_for(facts, instance, ip)
    return error(
        f"{label_of(network)} is on no interface here, and not in virtual_ipaddress of"
        f" {instance.name}",
        why="Hetzner would route the packets here, and this machine would drop them",
        cure=f"virtual_ipaddress {{ {example} dev {device} }}    # in vrrp_instance"
        f" {instance.name}",
        place=instance.place,
    )


def interface_for(facts: Facts, instance: Instance, ip: IpAddress) -> str:
    """Guess the interface for an address, for an example."""
    for _, ref in facts.config.wanted():
        if ref.kind == ALIAS_IPS.name and ref.network is not None and _holds(ref.network, ip):
            return _private_interface(facts, ref, instance.interface)
    return _public_interface(facts, instance)


def _private_interface(facts: Facts, ref: ResourceRef, usual: str | None) -> str:
    """Guess the interface of an alias IP's network: it has an address of that range.

    If the range is not known, it may be the `usual` one, over which keepalived speaks.
    """
    found, reading = facts.find(ref), facts.reading(ref.kind)
    part = None if found is None else found.part
    ranges = [one.network for one in (reading.parts if reading else ()) if one.key == part]
    primaries = facts.machine.primaries
    there = [
        name
        for name, one in sorted(primaries.items())
        for network in ranges
        if network is not None and _holds(network, one.ip)
    ]
    private = [name for name, one in sorted(primaries.items()) if is_private(one.network)]
    return next(iter(there or [usual for one in private if one == usual] or private), "DEV")


def example_vip(facts: Facts) -> dict[str, str]:
    """Return the words for an example of a virtual address, where it is not known which."""
    refs = [ref for some in facts.config.config.resources.values() for ref in some]
    are_private = all(ref.kind == ALIAS_IPS.name for ref in refs)
    device = _private_interface(facts, refs[0], None) if are_private else "eth0"
    return {"device": device, "noun": facts.config.noun}


def _public_interface(facts: Facts, instance: Instance) -> str:
    """Guess the public interface for an example; Hetzner's images call it eth0."""
    others = sorted(facts.machine.interfaces - {"lo", instance.interface or ""})
    return "eth0" if "eth0" in others or not others else others[0]


def _judge_vip(facts: Facts, instance: Instance, vip: Vip) -> Iterator[CheckResult]:
    device = instance.device_of(vip)
    if device is not None and device not in facts.machine.interfaces and vip.device is not None:
        yield error(
            f"{instance.name}: there is no interface {device} for {vip.interface.ip}",
            why="keepalived cannot add the address, and ignores it or the whole instance",
            cure=f"{vip.interface} dev {interface_for(facts, instance, vip.interface.ip)}"
            "    # see: ip -br link",
            place=vip.place,
        )
    network = vip.interface.network
    # IPv6 has no secondary addresses, and the whole /64 is ours.
    if network.prefixlen >= (32 if network.version == 4 else IPV6_PREFIX):  # noqa: PLR2004  # IPv4
        return
    neighbour = _own_address_within(facts, instance, network)
    line = f"{vip.interface.ip}/{network.max_prefixlen}"
    cure = line if device is None else f"{line} dev {device}"
    if neighbour is not None and network.version == 4:  # noqa: PLR2004  # IPv4
        yield warning(
            f"{instance.name}: the virtual address {vip.interface} is not a"
            f" /{network.max_prefixlen}, and this machine's own {neighbour} is in that network",
            why="the address that is added second is a secondary one: when keepalived removes the"
            " first, Linux removes the second with it, and keepalived stays in FAULT",
            cure=cure,
            place=vip.place,
        )
    else:
        yield warning(
            f"{instance.name}: the virtual address {vip.interface} is not a"
            f" /{network.max_prefixlen}",
            why=f"while it is here, this machine sends to all of {network} over that interface",
            cure=cure,
            place=vip.place,
        )


def _own_address_within(facts: Facts, instance: Instance, network: IpNetwork) -> str | None:
    own: list[IpAddress] = [one.ip for one in facts.machine.primaries.values()]
    own += [] if instance.source is None else [instance.source.ip]
    own += [ip for some in facts.config.config.vrrp_addresses.values() for ip in some]
    vips = {vip.interface.ip for vip in instance.vips}
    return next((str(ip) for ip in own if _holds(network, ip) and ip not in vips), None)
