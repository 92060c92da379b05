"""Is the server that the API names this machine, and has it the Primary IPs that it needs?"""

import ipaddress
from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.cures import cure_of
from hakeeper.core.calls import Identified
from hakeeper.core.kind import Api
from hakeeper.core.model import IpAddress, Server
from hakeeper.core.observation import IpNetwork, label_of
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Passed, error
from hakeeper.kinds import FLOATING_IPS
from hakeeper.kinds.apis import CLOUD

_SHOWN: Final = 8
"""How many addresses of a machine a message lists."""
_PRIVATE: Final = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
)
"""RFC 1918: the ranges of Hetzner's private networks."""


def identity(facts: Facts) -> Iterator[CheckResult]:
    """Check that an address of that server is on this machine; skip if the API lists none."""
    found = _identified(facts, CLOUD)
    if found is None or not is_another(facts, CLOUD):
        return
    server = found.server
    yield error(
        f"{server.name} (id {server.id}, from: {found.source}) is not this machine:"
        f" it has {_shown(server.own or ()) or 'no address at all'}, and this machine has"
        f" {addresses_here(facts)}",
        why="hakeeper would assign the addresses to that server, which is not the MASTER",
        cure=cure_of("server.unidentified"),
        place=facts.config.key("server"),
    )


def us(facts: Facts, api: Api) -> Server | None:
    """Return this server as an API knows it, if it is certain enough to judge by it."""
    found = _identified(facts, api)
    return None if found is None or is_another(facts, api) else found.server


def _identified(facts: Facts, api: Api) -> Identified | None:
    at = facts.at(api)
    outcome = None if at is None else at.identified.outcome
    return outcome if isinstance(outcome, Identified) else None


def is_another(facts: Facts, api: Api) -> bool:
    """Say whether the server that we are said to be at an API is certainly not this machine."""
    found = _identified(facts, api)
    if found is None or found.server.own is None:
        return False
    return not any(ip in network for network in found.server.own for ip in _all(facts))


def _here(facts: Facts) -> list[IpAddress]:
    """Return the addresses of this machine, without loopback and link-local ones."""
    own = [ip for ip in _all(facts) if not ip.is_loopback and not ip.is_link_local]
    return sorted(own, key=lambda ip: (ip.version, ip))


def _all(facts: Facts) -> set[IpAddress]:
    return {*facts.machine.here, *(one.ip for one in facts.machine.primaries.values())}


def _shown(networks: tuple[IpNetwork, ...]) -> str:
    return _listed(list(map(label_of, networks)))


def addresses_here(facts: Facts) -> str:
    """Return the addresses of this machine, for people."""
    return _listed(list(map(str, _here(facts)))) or "only loopback and link-local addresses"


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def primary_ip(facts: Facts) -> Iterator[CheckResult]:
    """Check that this server has a Primary IP of each floating IP's family."""
    server, reading = us(facts, CLOUD), facts.reading(FLOATING_IPS.name)
    if server is None or reading is None:
        return
    refs = (ref for _, ref in facts.config.wanted() if ref.kind == FLOATING_IPS.name)
    seen = map(facts.find, refs)
    wanted = [(one, one.network.version) for one in seen if one is not None and one.network]
    for version in sorted({one for _, one in wanted}):
        if version not in server.without:
            yield from _has(server, version)
            continue
        names = ", ".join(str(one) for one, its_version in wanted if its_version == version)
        yield error(
            f"{server.name} (id {server.id}) has no Primary IPv{version}, which {names} needs",
            why=f"Hetzner delivers no public IPv{version} traffic to a server without one, not even"
            " to its floating IPs",
            cure=f"add one while it is off: hcloud primary-ip create --type ipv{version}"
            f" --name NAME --assignee-id {server.id}",
        )


def _has(server: Server, version: int) -> Iterator[CheckResult]:
    own = (one for one in server.own or () if one.version == version and not is_private(one))
    if (one := next(own, None)) is not None:
        yield Passed(f"IPv{version}: {_shown((one,))}")


def is_private(network: IpNetwork) -> bool:
    """Say whether it is a private network; unlike Python, do not count documentation ranges."""
    return isinstance(network, ipaddress.IPv4Network) and any(map(network.subnet_of, _PRIVATE))
