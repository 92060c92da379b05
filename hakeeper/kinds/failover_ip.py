"""Failover IPs of dedicated servers: what they are called, and how Robot moves them.

One request routes a failover IP to another server, whoever had it. It is answered when the route is
switched, which takes most of a minute, and keeps the address locked so long. Servers are named by
their main IP: by the IPv4 address for an IPv4 failover IP, and by the network address of the main
IPv6 subnet for an IPv6 one.
API: https://robot.hetzner.com/doc/webservice/en.html#failover
"""

import contextlib
import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from hakeeper.core.calls import FailureKind, Obstacle, Step
from hakeeper.core.kind import Api, HttpRequest, Json, UnreadableAnswer
from hakeeper.core.model import Server
from hakeeper.core.observation import (
    BY_NETWORK,
    IpNetwork,
    Key,
    Observation,
    Reading,
    ResourceId,
    ResourceRef,
    Unreadable,
    label_of,
)
from hakeeper.kinds import json_fields
from hakeeper.kinds.apis import ROBOT
from hakeeper.kinds.ip_ranges import NEVER, is_never_ours, is_private
from hakeeper.kinds.lists import read_each

NAME: Final = "failover_ip"
NO_MAIN_IP: Final = "no_main_ip"
"""Our code for a failover IP of a family of which this server has no main IP."""
_PROCESSING: Final = "processing"
"""Its `status` while a switch is under way. Robot's documentation does not have that member:
https://github.com/mgit-at/hetzner-robot-failover-keepalived reads it."""


class FailoverIps:
    """The kind."""

    name: Final = NAME
    noun: Final = "failover IP"
    config_key: Final = "failover_ips"
    by_hand: Final = "Robot, Servers, IPs, switch the failover IP {address} to {server}"
    forms: Final = "the address or network"
    help: Final = (
        "The failover IPs of dedicated servers (Robot) to keep on the master, each by its address"
        " (`203.0.113.7`) or its network (`2001:db8:fa11::/64`). Each stands in this file once."
        " They need a login of Robot's webservice: see `robot.credentials_file`."
    )
    example: Final = "[]"
    api: Final[Api] = ROBOT
    acts_on_known: Final = True
    releases_first: Final = False
    item_keys: Final = ()
    item_example: Final = ""
    codes: Final[Mapping[str, FailureKind]] = {
        "failover_already_routed": FailureKind.ALREADY,
        "failover_failed": FailureKind.OUTCOME_UNKNOWN,
        "failover_locked": FailureKind.LOCKED,
        "failover_new_server_not_found": FailureKind.REFUSED,
        "failover_not_complete": FailureKind.OUTCOME_UNKNOWN,
    }

    # --- the configuration -------------------------------------------------------------------

    def ref(self, value: int | str, **members: str) -> ResourceRef:
        """Return the failover IP that an item means: an address or a network."""
        del members
        text = str(value)
        alone = "/" not in text
        try:
            network = ipaddress.ip_network(
                f"{text}/64" if alone and ":" in text else text, strict=False
            )
        except ValueError:
            raise ValueError("is not a valid address or network") from None
        if not alone and str(network.network_address) != str(ipaddress.ip_interface(text).ip):
            raise ValueError(f"is an address in the network `{network}`; write that")
        if is_never_ours(network.network_address):
            raise ValueError(f"can never be a failover IP ({NEVER})")
        if is_private(network.network_address):
            raise ValueError("is a private address, which Robot does not route")
        return ResourceRef(NAME, BY_NETWORK, label_of(network))

    def find(
        self, ref: ResourceRef, known: Observation | None, reading: Reading
    ) -> Observation | None:
        """Find the one that is meant."""
        del known
        return next((each for each in reading.found if each.label == ref.text), None)

    def choose(self, ref: ResourceRef, reading: Reading) -> tuple[Observation, ...]:
        """A failover IP has no labels."""
        del ref, reading
        return ()

    def why_unreadable(self, ref: ResourceRef, reading: Reading) -> str | None:
        """Say why one that may be meant cannot be used; None if there is none."""
        may_be = (each for each in reading.unreadable if each.label in (None, ref.text))
        return next((each.why for each in may_be), None)

    def why_not_found(self, ref: ResourceRef, reading: Reading) -> str | None:
        """Name the one in whose network the address lies; else all of them are listed."""
        meant = ref.network
        for each in reading.found:
            if meant is not None and each.network is not None and _is_within(meant, each.network):
                return f"it is part of the failover IP {each.label}, which moves as a whole"
        return None

    # --- the API -----------------------------------------------------------------------------

    def next_step(self, seen: Observation, us: Server) -> Step | Obstacle:
        """Route it to us, whoever has it."""
        version = 4 if seen.network is None else seen.network.version
        target = next((key for key in us.keys if _version(key) == version), None)
        if target is None:
            return Obstacle(
                NO_MAIN_IP,
                f"{seen.label} is IPv{version}, and the main IPv{version} address of this server is"
                " not known; set `robot.server` in hakeeper.yaml",
            )
        return Step("route", target, lane=f"{NAME}/{seen.id.key}")

    def after(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> Observation:
        """Those that took it are where it brings them."""
        return seen.with_holder(step.holder) if seen.id in moved else seen

    def reflects(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> bool:
        """It has the holder that it was given, as far as it is one of these."""
        return seen.id not in moved or seen.server_id == step.holder

    def request_of(self, resources: Sequence[ResourceId], step: Step) -> HttpRequest:
        """Return the switch, which moves one."""
        path = f"/failover/{resources[0].key}"
        return HttpRequest(method="POST", path=path, body={"active_server_ip": step.holder})

    def list_requests(self, within: tuple[Key, ...]) -> tuple[HttpRequest, ...]:
        """Return the request for all failover IPs of the login."""
        del within
        return (HttpRequest(method="GET", path="/failover"),)

    def read_request(self, resource: ResourceId) -> HttpRequest:
        """Return the request for one of them."""
        return HttpRequest(method="GET", path=f"/failover/{resource.key}")

    def read_list(self, request: HttpRequest, answer: Json) -> Reading:
        """Read a list of them, of which some may not be ours: one that is odd does not spoil it."""
        del request
        entries = json_fields.sequence(answer, "failover IPs")
        return read_each(entries, _observation, _unreadable)

    def read_one(self, answer: Json) -> Observation:
        """Read one of them."""
        return _observation(answer)


def keys_of(networks: Iterable[IpNetwork]) -> tuple[Key, ...]:
    """Return what Robot calls the server with these main addresses: IPv4 first."""
    of_both = sorted(networks, key=lambda network: network.version)
    return tuple(str(network.network_address) for network in of_both)


def _version(key: Key) -> int:
    return 6 if ":" in str(key) else 4


def _is_within(inner: IpNetwork, outer: IpNetwork) -> bool:
    return inner.version == outer.version and inner.network_address in outer


def _observation(entry: object) -> Observation:
    """Read what holds a `failover` object, as far as it is needed.

    `active_server_ip` is null for nobody.
    """
    members = json_fields.mapping(json_fields.field(entry, "failover"), NAME)
    network = _network(members)
    active = json_fields.field(members, "active_server_ip")
    return Observation(
        id=ResourceId(NAME, str(network.network_address)),
        label=label_of(network),
        network=network,
        server_id=None if active is None else _address(active, "active_server_ip"),
        moving=members.get("status") == _PROCESSING,
    )


def _network(members: Mapping[str, object]) -> IpNetwork:
    """Read address and netmask, such as `255.255.255.255` or `ffff:ffff:ffff:ffff::`."""
    address = _address(json_fields.field(members, "ip"), "ip")
    mask = json_fields.text(json_fields.field(members, "netmask"), "netmask")
    try:
        bits = f"{int(ipaddress.ip_address(mask)):b}"
        return ipaddress.ip_network(f"{address}/{bits.rstrip('0').count('1')}")
    except ValueError:
        raise UnreadableAnswer("ip and netmask are no network") from None


def _address(value: object, name: str) -> str:
    """Read an address and write it as everybody does: servers are compared by it."""
    try:
        return str(ipaddress.ip_address(json_fields.text(value, name)))
    except ValueError:
        raise UnreadableAnswer(f"{name} is no address") from None


def _unreadable(entry: object, why: str) -> Unreadable:
    inner = entry.get("failover") if isinstance(entry, dict) else None
    members = inner if isinstance(inner, dict) else {}
    label = None
    with contextlib.suppress(UnreadableAnswer):
        label = label_of(_network(members))
    return Unreadable(
        key=label,
        name="",
        label=label,
        why=why if label is None else f"failover IP {label}: {why}",
    )
