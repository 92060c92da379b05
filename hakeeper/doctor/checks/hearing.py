"""Can keepalived hear the others? The private addresses of this machine and of its peers."""

from collections.abc import Iterator

from hakeeper.adapters.cures import cure_of
from hakeeper.core.model import IpAddress, VrrpId
from hakeeper.doctor.conf.meaning import Address, Instance, KeepalivedConf
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Finding, Passed, Said, error, not_looked_at, warning


def hearing(facts: Facts) -> Iterator[Said]:
    """Has this machine the address that keepalived speaks from, and does it know its peers?"""
    read = facts.conf
    yield from _addresses_of_hakeeper(facts)
    if read is None:
        return
    for vrrp in facts.config.config.resources:
        for one in read.members(vrrp):
            yield from _unicast(facts, read, one)
            yield from _agreement(facts, vrrp, one)


def _addresses_of_hakeeper(facts: Facts) -> Iterator[Said]:
    for vrrp, wanted in facts.config.config.vrrp_addresses.items():
        for ip in wanted:
            if ip in facts.machine.here:
                yield Passed(f"{ip} of {vrrp} is here")
                continue
            yield error(
                f"{vrrp}: vrrp_address {ip} is not on this machine",
                why="while it is missing, hakeeper does not believe that keepalived is MASTER",
                cure=_missing(facts, vrrp, ip),
                place=facts.config.section(vrrp),
            )


def _missing(facts: Facts, vrrp: VrrpId, ip: IpAddress) -> str:
    """The address that keepalived speaks from, if that is here: else this one has to come back."""
    read = facts.conf
    sources = [] if read is None else [one.source for one in read.members(vrrp) if one.source]
    here = [str(one.ip) for one in sources if one.ip in facts.machine.here]
    if here:
        return f"vrrp_address: {here[0]}    # this server's unicast_src_ip; see: ip -br address"
    return cure_of("vrrp_address.missing", vrrp_address=str(ip))


def _unicast(facts: Facts, read: KeepalivedConf, one: Instance) -> Iterator[Said]:
    cure = "unicast_peer { ADDRESS }    # the private address of the other server"
    # Its own address beside others is harmless: keepalived leaves out what comes from itself.
    own = [peer for peer in one.peers if peer.ip in facts.machine.here]
    if not one.peers and read.unread:
        yield not_looked_at(
            f"the peers of {one.name}: they may stand in what this check cannot read",
            cure=cure,
            place=one.place,
        )
    elif not one.peers:
        yield error(
            f"{one.name} has no unicast_peer",
            why="without one keepalived uses multicast, which Hetzner's networks do not carry:"
            " each node hears nobody, and is MASTER",
            cure=cure,
            place=one.place,
        )
    elif len(own) == len(one.peers):
        yield error(
            f"{one.name}: the peer {own[0].ip} is this machine itself",
            why="it speaks to itself, and the other server hears nothing",
            cure=cure,
            place=own[0].place,
        )
    source = one.source
    if source is not None and source.ip not in facts.machine.here:
        yield _no_source(facts, one, source)
    elif source is not None and len(own) < len(one.peers):
        yield Passed(f"{one.name} speaks from {source.ip}, which is here")


def _no_source(facts: Facts, one: Instance, source: Address) -> Finding:
    primary = facts.machine.primaries.get(one.interface or "")
    bring_up = f"ip address add {source.ip} dev {one.interface}    # or another unicast_src_ip"
    cure = bring_up if primary is None else f"unicast_src_ip {primary.ip}"
    return error(
        f"{one.name}: unicast_src_ip {source.ip} is not on this machine",
        why="without it keepalived hears no other server: it stays in FAULT, or thinks that it is"
        " MASTER, depending on its version",
        cure=cure,
        place=source.place,
    )


def _agreement(facts: Facts, vrrp: VrrpId, one: Instance) -> Iterator[Said]:
    wanted = facts.config.config.vrrp_addresses.get(vrrp, ())
    place = facts.config.section(vrrp)
    source: IpAddress | None = None if one.source is None else one.source.ip
    if not wanted:
        yield warning(
            f"{vrrp} has no vrrp_address in hakeeper.yaml",
            why="if this server loses that address, keepalived hears nobody and says MASTER, and"
            " hakeeper believes it",
            cure=f"vrrp_address: {source or _primary(facts, one)}    # under {vrrp.name}",
            place=place,
        )
    elif source is not None and source in facts.machine.here and source not in wanted:
        yield warning(
            f"{vrrp}: vrrp_address is {', '.join(map(str, wanted))}, but keepalived speaks from"
            f" {source}",
            why="hakeeper watches another address than the one that matters",
            cure=f"vrrp_address: {source}",
            place=place,
        )


def _primary(facts: Facts, one: Instance) -> str:
    primary = facts.machine.primaries.get(one.interface or "")
    return "ADDRESS" if primary is None else str(primary.ip)
