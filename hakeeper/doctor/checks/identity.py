"""Is the server that the API names this machine, and has it a Primary IP for its floating IPs?"""

import ipaddress
from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.cures import cure_of
from hakeeper.core.calls import Identified
from hakeeper.core.model import IpAddress, Server
from hakeeper.core.observation import IpNetwork
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Passed, Said, error

_SHOWN: Final = 8
"""So many addresses of a machine are told."""
_PRIVATE: Final = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
)
"""RFC 1918: what Hetzner's private networks consist of."""


def identity(facts: Facts) -> Iterator[Said]:
    """Is an address of that server on this machine? Where the API tells none, nothing is said."""
    found = facts.api.identified.outcome
    if not isinstance(found, Identified) or not is_another(facts):
        return
    server, here = found.server, _here(facts)
    yield error(
        f"{server.name} (id {server.id}, from: {found.source}) is not this machine:"
        f" it has {_shown(server.own or ()) or 'no address at all'}, and here is {_told(here)}",
        why="the addresses are assigned to the server that is named: with another one's id"
        " they go to a machine that is not MASTER",
        cure=cure_of("server.unidentified"),
        place=facts.config.key("server"),
    )


def is_another(facts: Facts) -> bool:
    """Say whether the server that the API names is surely not this machine."""
    found = facts.api.identified.outcome
    if not isinstance(found, Identified) or found.server.own is None:
        return False
    return not any(ip in network for network in found.server.own for ip in _all(facts))


def _here(facts: Facts) -> list[IpAddress]:
    """Return the addresses of this machine that could be its own."""
    own = [ip for ip in _all(facts) if not ip.is_loopback and not ip.is_link_local]
    return sorted(own, key=lambda ip: (ip.version, ip))


def _all(facts: Facts) -> set[IpAddress]:
    return {*facts.machine.here, *(one.ip for one in facts.machine.primaries.values())}


def _shown(networks: tuple[IpNetwork, ...]) -> str:
    whole = [str(one) if one.version == 6 else str(one.network_address) for one in networks]  # noqa: PLR2004  # IPv6
    return _listed(whole)


def _told(here: list[IpAddress]) -> str:
    return _listed(list(map(str, here))) or "none that could be one's own"


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def primary_ip(facts: Facts) -> Iterator[Said]:
    """Has this server a Primary IP of each floating IP's family?"""
    found, listed = facts.api.identified.outcome, facts.api.floating_ips
    if not isinstance(found, Identified) or listed is None:
        return
    server = found.server
    if is_another(facts):
        return
    seen = (facts.api.find(ref) for _, ref in facts.config.wanted())
    wanted = [(one, one.network.version) for one in seen if one is not None and one.network]
    for version in sorted({one for _, one in wanted}):
        if version not in server.without:
            yield from _has(server, version)
            continue
        names = ", ".join(str(one) for one, its_version in wanted if its_version == version)
        yield error(
            f"{server.name} (id {server.id}) has no Primary IPv{version}, which {names} needs",
            why=f"Hetzner lets no public IPv{version} traffic to a server without one, whatever is"
            " assigned to it",
            cure=f"give it one while it is off: hcloud primary-ip create --type ipv{version}"
            f" --name NAME --assignee-id {server.id}",
        )


def _has(server: Server, version: int) -> Iterator[Said]:
    own = (one for one in server.own or () if one.version == version and not _is_private(one))
    if (one := next(own, None)) is not None:
        yield Passed(f"IPv{version}: {_shown((one,))}")


def _is_private(network: IpNetwork) -> bool:
    """Say whether it is of a private network; documentation's ranges are not, unlike in Python."""
    return isinstance(network, ipaddress.IPv4Network) and any(map(network.subnet_of, _PRIVATE))
