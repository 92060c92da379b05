"""Floating IPs: what they are called, and how Hetzner Cloud moves them.

One `assign` moves a floating IP to another server, whoever had it; nothing has to be released
first. So the first request can be the assign, on what was last known of the holder.
API: https://docs.hetzner.cloud/reference/cloud#floating-ip-actions-assign-a-floating-ip-to-a-server
"""

import contextlib
import ipaddress
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from hakeeper.core.calls import FailureKind, Step
from hakeeper.core.kind import Api, HttpRequest, Json, UnreadableAnswer
from hakeeper.core.model import Server
from hakeeper.core.observation import (
    BY_ID,
    BY_LABEL,
    BY_NAME,
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
from hakeeper.kinds import json_fields, label_selector
from hakeeper.kinds.apis import CLOUD
from hakeeper.kinds.ip_ranges import NEVER, is_never_ours, is_private
from hakeeper.kinds.lists import read_each

NAME: Final = "floating_ip"
IPV6_PREFIX: Final = 64
"""Hetzner hands out and moves IPv6 floating IPs as /64 networks."""
_LIKE_AN_ADDRESS: Final = re.compile(
    r"[0-9.]*\.[0-9.]*(/.*|-[0-9.]*)?|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*([/%].*)?|.*:.*:.*"
)
"""A mistyped address, or a range of them; nobody's name has two colons."""


def by_id(number: int) -> ResourceRef:
    """Mean the floating IP with this id."""
    return ResourceRef(NAME, BY_ID, str(number))


def by_name(name: str) -> ResourceRef:
    """Mean the one with this name: unique in a project, compared exactly."""
    return ResourceRef(NAME, BY_NAME, name)


def by_label(selector: str) -> ResourceRef:
    """Mean all that have such labels; ValueError says what is wrong with the selector."""
    label_selector.parse(selector)
    return ResourceRef(NAME, BY_LABEL, selector)


def by_network(network: IpNetwork) -> ResourceRef:
    """Mean the one with this address: an IPv4 as a /32, an IPv6 as the whole /64 that moves."""
    return ResourceRef(NAME, BY_NETWORK, label_of(network))


def resource(number: int) -> ResourceId:
    """Return the id of a floating IP, as the core has it."""
    return ResourceId(NAME, number)


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_interface(word)
    except ValueError:
        return False
    return True


class FloatingIps:
    """The kind."""

    name: Final = NAME
    noun: Final = "floating IP"
    config_key: Final = "floating_ips"
    by_hand: Final = "Cloud Console, Floating IPs, assign {address} to {server}"
    forms: Final = "the name, id or address"
    help: Final = (
        "The floating IPs to keep on the master, each by its name at Hetzner (`web`), its id"
        " (`4711`), its address (`203.0.113.10`) or its IPv6 network (`2001:db8:1:2::/64`, or any"
        " address in it: it moves as a whole). Each stands in this file once. Write quotes around"
        " an address that ends with a colon, and around a name that YAML takes for something else"
        " (`no`, `12:30`, `0755`). `{label: role=web}` means all that have this label, now and"
        " later, in the syntax of hcloud's `--selector`; quotes go around one with a comma, a"
        " bracket or a `!`."
    )
    example: Final = "[web]"
    api: Final[Api] = CLOUD
    acts_on_known: Final = True
    releases_first: Final = False
    item_keys: Final = ("label",)
    item_example: Final = "{label: role=web}"
    codes: Final[Mapping[str, FailureKind]] = {
        "floating_ip_assigned": FailureKind.ALREADY,
    }

    # --- the configuration -------------------------------------------------------------------

    def ref(self, value: int | str, **members: str) -> ResourceRef:
        """Return what an item means: an id, a name, an address or a network; or some, by labels."""
        if "label" in members:
            return by_label(members["label"])
        if isinstance(value, int):
            return by_id(value)
        host, slash, prefix = value.partition("/")
        try:
            ip = ipaddress.ip_address(host)
        except ValueError:
            if _LIKE_AN_ADDRESS.fullmatch(value):
                raise ValueError("is not a valid address") from None
            if len(words := value.split()) > 1 and any(map(_is_address, words)):
                raise ValueError("is several items in one (a comma is missing)") from None
            return by_name(value)
        if is_never_ours(ip):
            raise ValueError(f"can never be a floating IP ({NEVER})")
        if is_private(ip):
            raise ValueError("is a private address; an alias IP stands under `alias_ips`")
        if isinstance(ip, ipaddress.IPv4Address):
            if slash and prefix != "32":
                raise ValueError(
                    f"has a prefix: an IPv4 floating IP is one address; write `{ip}` without it"
                )
            return by_network(ipaddress.IPv4Network((ip, 32)))
        return _ipv6(ip, prefix if slash else str(IPV6_PREFIX))

    def find(
        self, ref: ResourceRef, known: Observation | None, reading: Reading
    ) -> Observation | None:
        """Find the one that is meant; one that was renamed is still what its name had meant."""
        found = next((each for each in reading.found if _means(ref, each)), None)
        if found is None and known is not None and ref.by == BY_NAME:
            found = next((each for each in reading.found if each.id == known.id), None)
        return found

    def choose(self, ref: ResourceRef, reading: Reading) -> tuple[Observation, ...]:
        """Return those whose labels match; where no labels could be read, none does."""
        selector = label_selector.parse(ref.text)
        odd = {each.key for each in reading.unreadable}
        labelled = (each for each in reading.found if each.id.key not in odd)
        return tuple(
            each for each in labelled if selector.matches(label_selector.labels_in(each.note))
        )

    def why_unreadable(self, ref: ResourceRef, reading: Reading) -> str | None:
        """Say why one that may be meant cannot be used; None if there is none."""
        return next((each.why for each in reading.unreadable if _may_mean(ref, each)), None)

    def why_not_found(self, ref: ResourceRef, reading: Reading) -> None:
        """All of them are listed."""

    # --- the API -----------------------------------------------------------------------------

    def next_step(self, seen: Observation, us: Server) -> Step:
        """Assign it to us, whoever has it."""
        return Step("assign", us.id, lane=f"{NAME}/{seen.id.key}")

    def after(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> Observation:
        """Those that took it are where it brings them."""
        return seen.with_holder(step.holder) if seen.id in moved else seen

    def reflects(self, seen: Observation, moved: Collection[ResourceId], step: Step) -> bool:
        """It has the holder that it was given, as far as it is one of these."""
        return seen.id not in moved or seen.server_id == step.holder

    def request_of(self, resources: Sequence[ResourceId], step: Step) -> HttpRequest:
        """Return the assign, which moves one."""
        path = f"/floating_ips/{resources[0].key}/actions/assign"
        return HttpRequest(method="POST", path=path, body={"server": step.holder})

    def list_requests(self, within: tuple[Key, ...]) -> tuple[HttpRequest, ...]:
        """Return the request for all floating IPs of the project."""
        del within
        return (HttpRequest(method="GET", path="/floating_ips"),)

    def read_request(self, resource: ResourceId) -> HttpRequest:
        """Return the request for one of them."""
        return HttpRequest(method="GET", path=f"/floating_ips/{resource.key}")

    def read_list(self, request: HttpRequest, answer: Json) -> Reading:
        """Read a list of them, of which most are not ours: one that is odd does not spoil it."""
        del request
        entries = json_fields.sequence(json_fields.field(answer, "floating_ips"), "floating_ips")
        return read_each(entries, _observation, _unreadable, _doubt)

    def read_one(self, answer: Json) -> Observation:
        """Read one of them."""
        return _observation(json_fields.field(answer, NAME))


def _ipv6(ip: ipaddress.IPv6Address, prefix: str) -> ResourceRef:
    if ip.scope_id is not None or ip.ipv4_mapped is not None:
        raise ValueError("is not the address of a floating IP")
    network = ipaddress.IPv6Network((ip, IPV6_PREFIX), strict=False)
    if prefix != str(IPV6_PREFIX):
        raise ValueError(
            f"is no /64: Hetzner moves IPv6 floating IPs as /64 networks; write `{network}`"
        )
    return by_network(network)


def _means(ref: ResourceRef, seen: Observation) -> bool:
    match ref.by:
        case "id":
            return str(seen.id.key) == ref.text
        case "name":
            return seen.name == ref.text
        case "label":
            return False
        case _:
            return seen.label == ref.text


def _may_mean(ref: ResourceRef, seen: Unreadable) -> bool:
    match ref.by:
        case "id":
            return seen.key is None or str(seen.key) == ref.text
        case "name":
            return seen.name in (None, ref.text)
        case "label":
            return False
        case _:
            return seen.label in (None, ref.text)


def _observation(entry: object) -> Observation:
    """Read a `floating_ip` object, as far as it is needed; `server` is an id or null."""
    members = json_fields.mapping(entry, NAME)
    server = json_fields.field(entry, "server")
    network = json_fields.network(json_fields.text(json_fields.field(entry, "ip"), "ip"))
    return Observation(
        id=resource(json_fields.integer(json_fields.field(entry, "id"), "id")),
        label=label_of(network),
        network=network,
        server_id=None if server is None else json_fields.integer(server, "server"),
        name=_name(members) or "",
        blocked=members.get("blocked") is True,
        zone=json_fields.zone(members.get("home_location")),
        note=label_selector.note_of(_labels(members) or {}),
    )


def _unreadable(entry: object, why: str) -> Unreadable:
    members = entry if isinstance(entry, dict) else {}
    number, address = members.get("id"), members.get("ip")
    known = number if json_fields.is_integer(number) else None
    label = None
    if isinstance(address, str):
        with contextlib.suppress(UnreadableAnswer):
            label = label_of(json_fields.network(address))
    return Unreadable(
        key=known,
        name=_name(members),
        label=label,
        why=why if known is None else f"floating IP {known}: {why}",
    )


def _doubt(entry: object) -> str | None:
    """Say why one that was read may be meant by its name, or by its labels, all the same."""
    members = json_fields.mapping(entry, NAME)
    if _name(members) is None:
        return "name is no string"
    return "labels are no object of strings" if _labels(members) is None else None


def _name(members: Mapping[str, object]) -> str | None:
    name = members.get("name")
    return name[: json_fields.NAME_LIMIT] if isinstance(name, str) else None


def _labels(members: Mapping[str, object]) -> dict[str, str] | None:
    labels = members.get("labels")
    if not isinstance(labels, dict):
        return None
    found = {key: value for key, value in labels.items() if isinstance(value, str)}
    return found if len(found) == len(labels) else None
