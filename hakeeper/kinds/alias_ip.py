"""Alias IPs of private networks: what they are called, and how Hetzner Cloud moves them.

A server has a list of alias IPs in each private network, and one request replaces the whole list.
So a move takes two: the holder's list without the alias IP, then ours with it. In between nobody
has it. Every request is built upon a list that was read right before, so that what others put into
it stays there; nothing else is ever taken out.
API: https://docs.hetzner.cloud/reference/cloud#server-actions-change-alias-ips-of-a-network
"""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from hakeeper.core.calls import FailureKind, Obstacle, Step
from hakeeper.core.kind import Api, HttpRequest, Json, UnreadableAnswer
from hakeeper.core.model import Server
from hakeeper.core.observation import (
    BY_NETWORK,
    Key,
    Observation,
    Part,
    Reading,
    ResourceId,
    ResourceRef,
    Unreadable,
)
from hakeeper.kinds import json_fields
from hakeeper.kinds.apis import CLOUD
from hakeeper.kinds.ip_ranges import NEVER, is_never_ours, is_private
from hakeeper.kinds.private_networks import (
    elsewhere,
    in_all,
    merged,
    network_of,
    place_of,
    title,
)

NAME: Final = "alias_ip"
GATEWAY: Final = "172.31.1.1"
"""Of the public interface of each server: reserved in all private networks."""
MOST: Final = 5
"""So many alias IPs Hetzner allows a server, in all its networks together."""
NOT_ATTACHED: Final = "not_attached"
"""Our code for a server that is not in the network: it cannot have an alias IP there."""
NO_ROOM: Final = "no_room"
"""Our code for a server that has as many alias IPs as it may."""
_RELEASE: Final = "release"
_TAKE: Final = "take"


def resource(network: int, ip: str) -> ResourceId:
    """Return the id of an alias IP, as the core has it."""
    return ResourceId(NAME, f"{network}/{ip}")


def server_of(step: Step) -> Key:
    """Return the server whose list a step replaces."""
    return int(step.lane.rpartition("/")[2])


class AliasIps:
    """The kind."""

    name: Final = NAME
    noun: Final = "alias IP"
    config_key: Final = "alias_ips"
    by_hand: Final = (
        "Cloud Console, Servers, Networking: take the alias IP {address} from the server that has"
        " it, then add it to {server}"
    )
    forms: Final = "the address"
    help: Final = (
        "The alias IPs to keep on the master: addresses of a private network that the servers are"
        " attached to, such as `10.0.0.100`. The network is found by its range. If several networks"
        " of the project have the address in their range, say which one is meant, by its name or"
        " id: `{ip: 10.0.0.100, network: internal}`. Other alias IPs of the servers stay as they"
        " are."
    )
    example: Final = "[]"
    item_keys: Final = ("ip", "network")
    item_example: Final = "{ip: 10.0.0.100, network: internal}"
    api: Final[Api] = CLOUD
    acts_on_known: Final = False
    releases_first: Final = True
    codes: Final[Mapping[str, FailureKind]] = {
        # Not documented for this request; inferred from that for attaching a server.
        "ip_not_available": FailureKind.ALREADY,
    }

    # --- the configuration -------------------------------------------------------------------

    def ref(self, value: int | str, **members: str) -> ResourceRef:
        """Return the alias IP that an item means: an IPv4 address, in a named network or not."""
        host, slash, _ = str(value).partition("/")
        try:
            ip = ipaddress.ip_address(host)
        except ValueError:
            raise ValueError("is not a valid address") from None
        if slash:
            raise ValueError(f"has a prefix: an alias IP is one address; write `{ip}` without it")
        if ip.version != 4:  # noqa: PLR2004
            raise ValueError("is IPv6, which private networks at Hetzner do not have")
        if is_never_ours(ip):
            raise ValueError(f"can never be an alias IP ({NEVER})")
        if not is_private(ip):
            raise ValueError("is no private address; a floating IP stands under `floating_ips`")
        if str(ip) == GATEWAY:
            raise ValueError("is the gateway of Hetzner's public network, and of no private one")
        return ResourceRef(NAME, BY_NETWORK, str(ip), within=members.get("network", ""))

    def find(
        self, ref: ResourceRef, known: Observation | None, reading: Reading
    ) -> Observation | None:
        """Find the one that is meant: it exists, wherever its network does, held or not."""
        networks = merged(reading.parts)
        part = network_of(ref, known, networks)
        if not isinstance(part, Part):
            return None
        counts = elsewhere(part, known, networks)
        if any(ref.text == ip for _, ip, *_ in part.rows):
            return None
        holders = [server for server, _, *aliases in part.rows if ref.text in aliases]
        if not holders and reading.unreadable:
            return None  # one of those may have it
        return Observation(
            id=resource(int(part.key), ref.text),
            label=ref.text,
            network=ipaddress.IPv4Network(ref.text),
            server_id=int(holders[0]) if holders else None,
            part=part.key,
            note=tuple((who, counts.get(who, ""), *ips) for who, _, *ips in part.rows if who),
        )

    def choose(self, ref: ResourceRef, reading: Reading) -> tuple[Observation, ...]:
        """An alias IP has no labels."""
        del ref, reading
        return ()

    def why_unreadable(self, ref: ResourceRef, reading: Reading) -> str | None:
        """Say what could not be read of the servers, one of which may have it."""
        if not isinstance(network_of(ref, None, merged(reading.parts)), Part):
            return None
        return next((each.why for each in reading.unreadable), None)

    def why_not_found(self, ref: ResourceRef, reading: Reading) -> str | None:
        """Say why no network is meant, or why the address cannot be an alias IP there."""
        part = network_of(ref, None, merged(reading.parts))
        if not isinstance(part, Part):
            return part
        for server, ip, *_ in part.rows:
            if ref.text == ip:
                whose = f"that of server {server} itself" if server else "that of a load balancer"
                return (
                    f"the address is {whose} in network {title(part)}; choose one that nobody has"
                )
        return None

    # --- the API -----------------------------------------------------------------------------

    def next_step(self, seen: Observation, us: Server) -> Step | Obstacle:
        """Take it from its holder; or take it, if nobody has it. Not unless we could have it."""
        network, ip = place_of(seen.id)
        lists = {server: tuple(aliases) for server, _, *aliases in seen.note}
        others = sum(in_all(counts) for server, counts, *_ in seen.note if server == str(us.id))
        ours = lists.get(str(us.id))
        if ours is None:
            return Obstacle(
                NOT_ATTACHED,
                f"this server is not attached to network {network}; attach it there",
            )
        room = MOST - len(ours) - others
        if room < 1 and ip not in ours:
            return Obstacle(NO_ROOM, _full(network, ours, others))
        holder = seen.server_id
        if holder in (None, us.id) or str(holder) not in lists:
            return Step(_TAKE, us.id, lane=_lane(network, us.id), given=ours, most=max(room, 1))
        theirs = lists[str(holder)]
        lane = _lane(network, holder)
        return Step(_RELEASE, None, lane=lane, given=theirs, most=max(room, 1), room=room)

    def after(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> Observation:
        """The lists of their network have them where the step brings them, and nowhere else."""
        ips = [ip for network, ip in map(place_of, moved) if network == seen.part]
        rows = []
        for server, counts, *aliases in seen.note:
            left = [ip for ip in aliases if ip not in ips]
            rows.append((server, counts, *left, *(ips if server == str(step.holder) else ())))
        now_there = seen.with_holder(step.holder) if seen.id in moved else seen
        return replace(now_there, note=tuple(rows))

    def reflects(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> bool:
        """The list that was replaced has them, or has them no more."""
        server = str(server_of(step))
        lists = (aliases for who, _, *aliases in seen.note if who == server)
        has = set(next(lists, ()))
        ips = {place_of(each)[1] for each in moved}
        return ips.isdisjoint(has) if step.name == _RELEASE else ips <= has

    def request_of(self, resources: Sequence[ResourceId], step: Step) -> HttpRequest:
        """Return the request that replaces a server's list: as it was, but for these."""
        moved = [place_of(each)[1] for each in resources]
        rest = [ip for ip in step.given if ip not in moved]
        aliases = rest if step.name == _RELEASE else [*rest, *moved]
        return HttpRequest(
            method="POST",
            path=f"/servers/{server_of(step)}/actions/change_alias_ips",
            body={"network": place_of(resources[0])[0], "alias_ips": aliases},
        )

    def list_requests(self, within: tuple[Key, ...]) -> tuple[HttpRequest, ...]:
        """Return the requests for the members of these networks; or for all, and their ranges."""
        if within:
            paths = [f"/networks/{network}/members" for network in within]
        else:
            paths = ["/networks", "/servers"]
        return tuple(HttpRequest(method="GET", path=path) for path in paths)

    def read_request(self, resource: ResourceId) -> None:
        """Its network's list shows it, and those that the next request is built upon."""

    def read_list(self, request: HttpRequest, answer: Json) -> Reading:
        """Read networks, servers, or the members of a network."""
        match request.path:
            case "/networks":
                entries = json_fields.sequence(json_fields.field(answer, "networks"), "networks")
                return Reading((), parts=tuple(map(_network, entries)))
            case "/servers":
                return _servers(
                    json_fields.sequence(json_fields.field(answer, "servers"), "servers")
                )
            case path:
                network = int(path.split("/")[2])
                entries = json_fields.sequence(json_fields.field(answer, "members"), "members")
                return Reading((), parts=(Part(key=network, rows=tuple(map(_member, entries))),))

    def read_one(self, answer: Json) -> Observation:
        """Nothing reads a single one."""
        del answer
        raise UnreadableAnswer("alias IPs are read with their network")


def _full(network: int, ours: Sequence[str], elsewhere: int) -> str:
    """Say that this server has as many as it may."""
    more = f" and {elsewhere} in others" if elsewhere else ""
    return (
        f"this server has {len(ours)} alias IPs in network {network}{more} already, the most that"
        f" Hetzner allows{': ' if ours else ''}{', '.join(ours)}; remove one that is not needed"
    )


def _lane(network: int, server: Key) -> str:
    """Two requests for one list would undo each other."""
    return f"{NAME}/{network}/{server}"


# --- answers ---------------------------------------------------------------------------------


def _network(entry: object) -> Part:
    """Read a `network` object: its id, name and range."""
    ip_range = json_fields.text(json_fields.field(entry, "ip_range"), "ip_range")
    name = json_fields.mapping(entry, "network").get("name")
    return Part(
        key=json_fields.integer(json_fields.field(entry, "id"), "id"),
        name=name[: json_fields.NAME_LIMIT] if isinstance(name, str) else "",
        network=json_fields.network(ip_range),
    )


def _servers(entries: Sequence[object]) -> Reading:
    """Read `server` objects, as far as they are in networks; one that is odd spoils no other."""
    parts: list[Part] = []
    unreadable: list[Unreadable] = []
    for entry in entries:
        try:
            parts += _places(entry)
        except UnreadableAnswer as error:
            unreadable.append(Unreadable(key=None, name=None, label=None, why=f"a server: {error}"))
    return Reading((), tuple(unreadable), tuple(parts))


def _places(entry: object) -> list[Part]:
    server = str(json_fields.integer(json_fields.field(entry, "id"), "id"))
    nets = json_fields.sequence(json_fields.field(entry, "private_net"), "private_net")
    return [
        Part(
            key=json_fields.integer(json_fields.field(net, "network"), "network"),
            rows=((server, _address(net), *_aliases(net)),),
        )
        for net in nets
    ]


def _member(entry: object) -> tuple[str, ...]:
    """Read a `network_member` object; a load balancer has an address, and no alias IPs."""
    kind = json_fields.text(json_fields.field(entry, "type"), "type")
    if kind != "server":
        return ("", _address(entry))
    server = json_fields.integer(json_fields.field(entry, "id"), "id")
    return (str(server), _address(entry), *_aliases(entry))


def _address(entry: object) -> str:
    """Return its own address; a member that is just being attached may have none yet."""
    ip = json_fields.mapping(entry, "member").get("ip")
    return _canonical(ip) if isinstance(ip, str) else ""


def _aliases(entry: object) -> tuple[str, ...]:
    found = json_fields.sequence(json_fields.field(entry, "alias_ips"), "alias_ips")
    return tuple(_canonical(json_fields.text(each, "an alias IP")) for each in found)


def _canonical(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UnreadableAnswer("an alias IP is no address") from None
