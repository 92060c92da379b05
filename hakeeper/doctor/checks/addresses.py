"""The floating IPs: at Hetzner, in keepalived.conf, and on this machine."""

import difflib
import ipaddress
from collections.abc import Iterator

from hakeeper.config.addresses import IPV6_PREFIX
from hakeeper.core.answers import find
from hakeeper.core.calls import Failure, FloatingIpsListed, Identified
from hakeeper.core.model import (
    AddressRef,
    ByName,
    ByNetwork,
    FloatingIp,
    IpAddress,
    IpNetwork,
    Role,
    VrrpId,
)
from hakeeper.doctor.conf.meaning import Instance, IpInterface, KeepalivedConf, Vip
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Finding, Passed, Place, Said, error, warning


def _wanted(facts: Facts) -> Iterator[tuple[VrrpId, AddressRef]]:
    for vrrp, refs in facts.config.config.addresses.items():
        for ref in refs:
            yield vrrp, ref


def _place(facts: Facts, ref: AddressRef) -> Place:
    return facts.config.addresses.get(ref, Place(facts.config.file))


def _listed(facts: Facts) -> tuple[FloatingIp, ...] | None:
    match facts.api.listed.outcome:
        case FloatingIpsListed(floating_ips=found):
            return found
        case _:
            return None


# --- at Hetzner ------------------------------------------------------------------------------


def addresses(facts: Facts) -> Iterator[Said]:
    """Does the project have each floating IP, once, usable from this server?"""
    listed = _listed(facts)
    if listed is None:
        yield from _not_listed(facts)
        return
    taken: dict[int, AddressRef] = {}
    for vrrp, ref in _wanted(facts):
        found = find(ref, listed)
        if found is None:
            yield _unknown(facts, vrrp, ref, listed)
        elif found.id in taken:
            yield error(
                f"{ref} and {taken[found.id]} are the same floating IP ({found}, id {found.id})",
                why="it follows one instance; for the second one nothing is claimed",
                cure=f"leave one of them out: {taken[found.id]} or {ref}",
                place=_place(facts, ref),
            )
        else:
            taken[found.id] = ref
            yield from _usable(facts, vrrp, ref, found)


def _not_listed(facts: Facts) -> Iterator[Said]:
    outcome = facts.api.listed.outcome
    if isinstance(outcome, Failure) and outcome.kind.value in {"refused", "not found"}:
        yield error(
            f"the API does not list the floating IPs: {outcome.message} ({outcome.code})",
            why="their names cannot be turned into the ids that an assign needs",
            cure="see what stands at hetzner.endpoint",
            place=facts.config.key("hetzner.endpoint"),
        )


def _unknown(
    facts: Facts, vrrp: VrrpId, ref: AddressRef, listed: tuple[FloatingIp, ...]
) -> Finding:
    names = [one.name for one in listed]
    close = difflib.get_close_matches(str(ref), names, n=1) if isinstance(ref, ByName) else []
    known = ", ".join(f"{one.name} ({one})" for one in listed[:8]) or "none"
    more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""  # noqa: PLR2004  # as above
    meant = close[0] if close else "NAME"
    return error(
        f"{vrrp}: the token's project has no floating IP {ref}; it has: {known}{more}",
        why="what is not there cannot be assigned",
        cure=f"floating_ips: [{meant}]    # or use a token of the project that has it",
        place=_place(facts, ref),
    )


def _usable(facts: Facts, vrrp: VrrpId, ref: AddressRef, found: FloatingIp) -> Iterator[Said]:
    fine = True
    if found.blocked:
        fine = False
        yield error(
            f"{vrrp}: {ref} ({found}) is blocked by Hetzner",
            why="no traffic reaches it, wherever it is assigned",
            cure="see Hetzner's mail about it (abuse), or use another one",
            place=_place(facts, ref),
        )
    match facts.api.identified.outcome:
        case Identified(server=server):
            zones = (found.network_zone, server.network_zone)
            is_here = found.server_id == server.id
            if all(zones) and zones[0] != zones[1] and not is_here:
                fine = False
                yield error(
                    f"{vrrp}: {ref} ({found}) is at home in network zone {zones[0]}, server"
                    f" {server.name} in {zones[1]}",
                    why="Hetzner is reported to refuse an assign across zones; its own documents"
                    " differ, and here nothing shows that it works",
                    cure="use a floating IP of this zone, or assign it to this server once by"
                    " hand: if that works, this is silent",
                    place=_place(facts, ref),
                )
            owner = "this server" if is_here else f"server {found.server_id}"
        case _:
            owner = f"server {found.server_id}"
    if fine:
        holder = "no server" if found.server_id is None else owner
        yield Passed(f"{ref} = {found} (id {found.id}), now on {holder}")


# --- on this machine -------------------------------------------------------------------------


def virtual_addresses(facts: Facts) -> Iterator[Said]:
    """Will this machine have each address when it is MASTER?"""
    conf = facts.conf
    if conf is None:
        return
    for vrrp, ref in _wanted(facts):
        members = conf.members(vrrp)
        network = _network(facts, ref)
        if network is not None and members:
            yield from _configured(facts, conf, vrrp, network)
    for instance in _followed(facts, conf):
        for vip in instance.vips:
            yield from _judge_vip(facts, instance, vip)


def _followed(facts: Facts, conf: KeepalivedConf) -> list[Instance]:
    """Return the instances that hakeeper.yaml speaks of, each once."""
    found = {one.name: one for vrrp in facts.config.config.addresses for one in conf.members(vrrp)}
    return list(found.values())


def _network(facts: Facts, ref: AddressRef) -> IpNetwork | None:
    if isinstance(ref, ByNetwork):
        return ref.network
    found = find(ref, _listed(facts) or ())
    return None if found is None else found.network


def _holds(network: IpNetwork, ip: IpAddress) -> bool:
    return ip.version == network.version and ip in network


def _configured(
    facts: Facts, conf: KeepalivedConf, vrrp: VrrpId, network: IpNetwork
) -> Iterator[Said]:
    members = conf.members(vrrp)
    vips = [vip for one in members for vip in one.vips if _holds(network, vip.interface.ip)]
    here = sorted(str(ip) for ip in facts.machine.here if _holds(network, ip))
    shown = ByNetwork(network)
    if vips:
        yield from _added_by_keepalived(facts, members, vips, here, shown)
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
            f"{shown} is a virtual address of {one.name}, but hakeeper.yaml has it follow {vrrp}",
            why=f"when {vrrp} is MASTER, packets arrive here and find no such address",
            cure=f"move the line `{vip.interface}` to virtual_ipaddress of {members[0].name}",
            place=vip.place,
        )
    elif here:
        yield Passed(f"{shown} is on this machine whoever is MASTER ({', '.join(here)})")
    else:
        yield _not_configured(facts, members[0], network)


def _added_by_keepalived(
    facts: Facts,
    members: tuple[Instance, ...],
    vips: list[Vip],
    here: list[str],
    shown: ByNetwork,
) -> Iterator[Said]:
    masters = [
        one.name for one in members if (facts.keepalived.roles or {}).get(one.name) is Role.MASTER
    ]
    if masters and not here:
        device = members[0].device_of(vips[0]) or "DEV"
        yield error(
            f"keepalived is MASTER of {masters[0]}, and {shown} is on no interface here",
            why="packets arrive here and find no such address",
            cure=f"ip address add {vips[0].interface} dev {device}    # and see who removed it",
            place=vips[0].place,
        )
    else:
        yield Passed(f"{shown} is added by keepalived ({vips[0].place})")


def _not_configured(facts: Facts, instance: Instance, network: IpNetwork) -> Finding:
    ip = network.network_address
    example: IpInterface = ipaddress.ip_interface(f"{ip if network.version == 4 else ip + 1}")  # noqa: PLR2004  # IPv4
    device = _public_interface(facts, instance)
    return error(
        f"{ByNetwork(network)} is on no interface here, nor in virtual_ipaddress of"
        f" {instance.name}",
        why="Hetzner would route the packets here, and this machine would not take them",
        cure=f"virtual_ipaddress {{ {example} dev {device} }}    # in vrrp_instance"
        f" {instance.name}",
        place=instance.place,
    )


def _public_interface(facts: Facts, instance: Instance) -> str:
    """Guess the public one for an example: Hetzner's images call it eth0."""
    others = sorted(facts.machine.interfaces - {"lo", instance.interface or ""})
    return "eth0" if "eth0" in others or not others else others[0]


def _judge_vip(facts: Facts, instance: Instance, vip: Vip) -> Iterator[Said]:
    device = instance.device_of(vip)
    if device is not None and device not in facts.machine.interfaces and vip.device is not None:
        yield error(
            f"{instance.name}: there is no interface {device} for {vip.interface.ip}",
            why="keepalived cannot add the address, and leaves it or the whole instance out",
            cure=f"{vip.interface} dev {_public_interface(facts, instance)}    # see: ip -br link",
            place=vip.place,
        )
    network = vip.interface.network
    # IPv6 knows no secondary addresses, and the whole /64 is ours.
    if network.prefixlen >= (32 if network.version == 4 else IPV6_PREFIX):  # noqa: PLR2004  # IPv4
        return
    neighbour = _own_address_within(facts, instance, network)
    line = f"{vip.interface.ip}/{network.max_prefixlen}"
    cure = line if device is None else f"{line} dev {device}"
    if neighbour is not None and network.version == 4:  # noqa: PLR2004  # IPv4
        yield error(
            f"{instance.name}: the virtual address {vip.interface} is not a"
            f" /{network.max_prefixlen}, and this machine's own {neighbour} is in that network",
            why="whichever of the two comes second is secondary: when keepalived removes the"
            " first, Linux removes the other, and keepalived is in FAULT for good",
            cure=cure,
            place=vip.place,
        )
    else:
        yield warning(
            f"{instance.name}: the virtual address {vip.interface} is not a"
            f" /{network.max_prefixlen}",
            why=f"while it is here, this machine looks for all of {network} on that interface",
            cure=cure,
            place=vip.place,
        )


def _own_address_within(facts: Facts, instance: Instance, network: IpNetwork) -> str | None:
    own: list[IpAddress] = [one.ip for one in facts.machine.primaries.values()]
    own += [] if instance.source is None else [instance.source.ip]
    own += [ip for some in facts.config.config.vrrp_addresses.values() for ip in some]
    vips = {vip.interface.ip for vip in instance.vips}
    return next((str(ip) for ip in own if _holds(network, ip) and ip not in vips), None)
