"""What Hetzner says: who this server and its peer are, and which address is meant."""

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from typing import Final, TypeVar

from hakeeper import exits
from hakeeper.adapters.hetzner.cloud import Identity, cloud_sessions
from hakeeper.adapters.identity import LocalIdentity
from hakeeper.config import Config
from hakeeper.core.calls import (
    AllRead,
    Answer,
    Failure,
    Identified,
    Identify,
    ReadAll,
    ReadServer,
    Request,
    ServerRead,
)
from hakeeper.core.model import Server
from hakeeper.core.observation import Observation, Part, Reading
from hakeeper.doctor.gather.asker import Ask, asker
from hakeeper.kinds import ALIAS_IPS, FLOATING_IPS
from hakeeper.kinds.apis import CLOUD
from hakeeper.kinds.private_networks import merged, title
from hakeeper.loading import api_options
from hakeeper.setup.errors import SetupError
from hakeeper.setup.known import There, Wishes

A = TypeVar("A", bound=Answer)

_LISTED: Final = 10
"""So many floating IPs are named where none is the one that was meant."""


def look_there(
    wishes: Wishes,
    config: Config,
    read_token: Callable[[], str],
    redact: Callable[[str], str],
    environ: Mapping[str, str],
) -> There:
    """Ask Hetzner; raises SetupError, and what the pool raises for an unusable token or CA file."""
    options = api_options(config, CLOUD.name)
    local = LocalIdentity.from_environment(environ).candidates
    with asker(
        options=options,
        sessions=cloud_sessions(options, Identity(config.server, local)),
        read_secret=read_token,
        redact=redact,
        timeout_s=config.hetzner.timeout_s,
        noun=CLOUD.known_by,
    ) as ask:
        identified = _answer(ask, Identify(CLOUD.name), Identified, "which server this is")
        us = identified.server
        if not identified.is_here:
            raise SetupError(
                f"{us.name} (id {us.id}, from: {identified.source}) is not this machine: none of"
                " its addresses is here; is this the right project's token?"
            )
        listed = _answer(ask, ReadAll(FLOATING_IPS.name), AllRead, "the floating IPs").reading
        seen = _floating_ip(wishes.address, listed)
        networks = _answer(ask, ReadAll(ALIAS_IPS.name), AllRead, "the private networks").reading
        peer_id, own_ip = neighbours(wishes.peer, us, merged(networks.parts).values())
        read = ReadServer(CLOUD.name, peer_id)
        peer = _answer(ask, read, ServerRead, "who the peer is").server
    return There(us=us, peer=peer, own_ip=own_ip, seen=seen, listed=listed)


def _answer(ask: Ask, request: Request, kind: type[A], what: str) -> A:
    outcome = ask(request).outcome
    if isinstance(outcome, kind):
        return outcome
    reason = f"{outcome.message} ({outcome.code})" if isinstance(outcome, Failure) else "no answer"
    raise SetupError(
        f"Hetzner's API does not say {what}: {reason}; nothing was changed", exits.NOT_READY
    )


def _floating_ip(address: str, listed: Reading) -> Observation:
    """Find the floating IP that is meant; raises SetupError, which names those that there are."""
    try:
        ref = FLOATING_IPS.ref(int(address) if address.isdecimal() else address)
    except ValueError as error:
        raise SetupError(f"--address {address}: {error}") from None
    seen = FLOATING_IPS.find(ref, None, listed)
    if seen is not None:
        return seen
    there = [f"{one.name} ({one.label})" for one in listed.found]
    more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
    raise SetupError(
        f"--address {address}: this token's project has no such floating IP; it has:"
        f" {', '.join(there[:_LISTED]) or 'none'}{more}. init sets up floating IPs only; for alias"
        " IPs of a private network read docs/alias-ips.md, for failover IPs of dedicated servers"
        " docs/failover-ips.md"
    )


def neighbours(peer: IPv4Address, us: Server, networks: Iterable[Part]) -> tuple[int, IPv4Address]:
    """Return the id of the server with this private address, and our address in its network.

    Raises SetupError if there is no such server, or if it is not in a network of ours.
    """
    networks = tuple(networks)
    for network in networks:
        ids = {ip: server for server, ip, *_ in network.rows if server}
        if str(peer) not in ids:
            continue
        ours = next((ip for ip, server in ids.items() if server == str(us.id)), None)
        if ours == str(peer):
            raise SetupError(
                f"--peer {peer}: that is this server's own address; name the other server's"
            )
        if ours is None:
            raise SetupError(
                f"--peer {peer}: this server, {us.name}, is not in the peer's network"
                f" {title(network)}; attach it there"
            )
        return int(ids[str(peer)]), IPv4Address(ours)
    known = ", ".join(map(title, networks)) or "none"
    raise SetupError(
        f"--peer {peer}: no server of this token's project has this private address (its private"
        f" networks: {known}); on the other server, `ip -br address` shows it"
    )
