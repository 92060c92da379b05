"""The private addresses that keepalived uses: can it hear its peers?"""

from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.cures import cure_of
from hakeeper.core.model import IpAddress, VrrpId
from hakeeper.core.observation import IpNetwork
from hakeeper.doctor.conf.configuration import Address, Instance, KeepalivedConf
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, error, not_checked, warning
from hakeeper.kinds import ALIAS_IPS, FAILOVER_IPS

_MOVED: Final = (ALIAS_IPS.name, FAILOVER_IPS.name)
"""The kinds whose addresses people may take for one of the server's own."""


def private_addresses(facts: Facts) -> Iterator[CheckResult]:
    """Check that keepalived's source address is on this machine, and that it has unicast peers."""
    read = facts.conf
    yield from _vrrp_addresses(facts)
    if read is None:
        return
    for vrrp in facts.config.config.resources:
        for one in read.members(vrrp):
            yield from _unicast(facts, read, one)
            yield from _agreement(facts, vrrp, one)


def _vrrp_addresses(facts: Facts) -> Iterator[CheckResult]:
    for vrrp, wanted in facts.config.config.vrrp_addresses.items():
        for ip in wanted:
            if ip in facts.machine.here:
                yield Passed(f"{ip} of {vrrp} is on this machine")
                continue
            yield error(
                f"{vrrp}: vrrp_address {ip} is not on this machine",
                why="while it is missing, hakeeper ignores a MASTER of keepalived",
                cure=_missing(facts, vrrp, ip),
                place=facts.config.section(vrrp),
            )


def _missing(facts: Facts, vrrp: VrrpId, ip: IpAddress) -> str:
    """Return the cure: use keepalived's source address if it is here, else restore this one."""
    read = facts.conf
    sources = [] if read is None else [one.source for one in read.members(vrrp) if one.source]
    here = [str(one.ip) for one in sources if one.ip in facts.machine.here]
    if here:
        return f"vrrp_address: {here[0]}    # this server's unicast_src_ip; see: ip -br address"
    return cure_of("vrrp_address.missing", vrrp_address=str(ip))


def _unicast(facts: Facts, read: KeepalivedConf, one: Instance) -> Iterator[CheckResult]:
    cure = "unicast_peer { ADDRESS }    # the private address of the other server"
    # Its own address beside others is harmless: keepalived ignores its own adverts.
    own = [peer for peer in one.peers if peer.ip in facts.machine.here]
    if not one.peers and read.unread:
        yield not_checked(
            f"the peers of {one.name}: they may be in a part that this check cannot read",
            cure=cure,
            place=one.place,
        )
    elif not one.peers:
        yield error(
            f"{one.name} has no unicast_peer",
            why="without it keepalived uses multicast, which Hetzner's networks do not carry: no"
            " node hears another, and every node becomes MASTER",
            cure=cure,
            place=one.place,
        )
    elif len(own) == len(one.peers):
        yield error(
            f"{one.name}: the peer {own[0].ip} is this machine itself",
            why="keepalived sends its adverts to itself, and the other server hears nothing",
            cure=cure,
            place=own[0].place,
        )
    source = one.source
    moved = None if source is None else _moved_as(facts, source.ip)
    if source is not None and moved is not None:
        article = "an" if moved[0] in "aeiou" else "a"
        yield error(
            f"{one.name}: unicast_src_ip {source.ip} is {article} {moved}, which moves",
            why="only one server has it: keepalived on the others hears nothing",
            cure=f"unicast_src_ip {_primary(facts, one)}",
            place=source.place,
        )
    elif source is not None and source.ip not in facts.machine.here:
        yield _no_source(facts, one, source)
    elif source is not None and len(own) < len(one.peers):
        yield Passed(f"{one.name} sends from {source.ip}, which is on this machine")


def _moved_as(facts: Facts, ip: IpAddress) -> str | None:
    """Return the noun of what is moved and has this address; None: it stays here."""
    for _, ref in facts.config.wanted():
        network = ref.network
        if ref.kind in _MOVED and network is not None and _holds(network, ip):
            return facts.kind(ref).noun
    return None


def _holds(network: IpNetwork, ip: IpAddress) -> bool:
    return ip.version == network.version and ip in network


def _no_source(facts: Facts, one: Instance, source: Address) -> Finding:
    primary = facts.machine.primaries.get(one.interface or "")
    bring_up = f"ip address add {source.ip} dev {one.interface}    # or another unicast_src_ip"
    cure = bring_up if primary is None else f"unicast_src_ip {primary.ip}"
    return error(
        f"{one.name}: unicast_src_ip {source.ip} is not on this machine",
        why="without it keepalived hears no other server, and, depending on its version, stays in"
        " FAULT or becomes MASTER",
        cure=cure,
        place=source.place,
    )


def _agreement(facts: Facts, vrrp: VrrpId, one: Instance) -> Iterator[CheckResult]:
    wanted = facts.config.config.vrrp_addresses.get(vrrp, ())
    place = facts.config.section(vrrp)
    source: IpAddress | None = None if one.source is None else one.source.ip
    if source is not None and _moved_as(facts, source) is not None:
        source = None
    if not wanted:
        yield warning(
            f"{vrrp} has no vrrp_address in hakeeper.yaml",
            why="if this server loses that address, keepalived hears no peer and reports MASTER,"
            " and hakeeper claims the addresses",
            cure=f"vrrp_address: {source or _primary(facts, one)}    # under {vrrp.name}",
            place=place,
        )
    elif source is not None and source in facts.machine.here and source not in wanted:
        yield warning(
            f"{vrrp}: vrrp_address is {', '.join(map(str, wanted))}, but keepalived sends from"
            f" {source}",
            why="hakeeper watches an address that keepalived does not use",
            cure=f"vrrp_address: {source}",
            place=place,
        )


def _primary(facts: Facts, one: Instance) -> str:
    primary = facts.machine.primaries.get(one.interface or "")
    return "ADDRESS" if primary is None else str(primary.ip)
