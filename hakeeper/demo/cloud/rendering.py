"""The model as the API's JSON, for any time in the past or now."""

import dataclasses
import datetime as dt
import ipaddress
import math

from hakeeper.demo.cloud.locations import LOCATIONS
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.networks import Network
from hakeeper.demo.cloud.project import Action, AliasAction, FloatingIp, Server
from hakeeper.demo.cloud.values import JsonObject


def rfc3339(model: CloudModel, at_s: float) -> str:
    """Return a time of the model in the API's format."""
    moment = dt.datetime.fromtimestamp(model.epoch_s + at_s, tz=dt.UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def location(name: str) -> JsonObject:
    """Return a location object."""
    return dataclasses.asdict(LOCATIONS[name])


def floating_ip(model: CloudModel, item: FloatingIp, as_of_s: float) -> JsonObject:
    """Return a floating IP with its holder at `as_of_s`."""
    address = item.ip.partition("/")[0]
    return {
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "ip": item.ip,
        "type": item.type,
        "server": model.register.holder_at(item.id, as_of_s),
        "dns_ptr": [{"ip": address, "dns_ptr": "static.example.com"}]
        if item.type == "ipv4"
        else [],
        "home_location": location(item.location),
        "blocked": item.blocked,
        "protection": {"delete": False},
        "labels": dict(item.labels),
        "created": rfc3339(model, item.created_s),
    }


def action(model: CloudModel, item: Action, as_of_s: float) -> JsonObject:
    """Return an action with its state at `as_of_s`."""
    status = item.status(as_of_s)
    error = None
    if status == "error" and item.error is not None:
        error = {"code": item.error[0], "message": item.error[1]}
    ended = status != "running" and not math.isinf(item.ends_s)
    return {
        "id": item.id,
        "command": item.command,
        "status": status,
        "progress": 100 if status == "success" else 0,
        "started": rfc3339(model, item.started_s),
        "finished": rfc3339(model, item.ends_s) if ended else None,
        "resources": item.resources,
        "error": error,
    }


def server(model: CloudModel, item: Server, as_of_s: float) -> JsonObject:
    """Return a server, with all fields that hcloud and the schema require."""
    owned = [
        each for each in model.floating_ips if model.register.holder_at(each, as_of_s) == item.id
    ]
    created = rfc3339(model, item.created_s)
    return {
        "id": item.id,
        "name": item.name,
        "status": item.status,
        "created": created,
        "public_net": _public_net(item, owned),
        "private_net": _private_net(model, item, as_of_s),
        "server_type": _server_type(item.location),
        "location": location(item.location),
        "image": _image(created),
        "iso": None,
        "rescue_enabled": False,
        "locked": False,
        "backup_window": None,
        "outgoing_traffic": 0,
        "ingoing_traffic": 0,
        "included_traffic": 21990232555520,
        "protection": {"delete": False, "rebuild": False},
        "labels": dict(item.labels),
        "volumes": [],
        "load_balancers": [],
        "primary_disk_size": 40,
        "placement_group": None,
    }


def _public_net(item: Server, floating_ips: list[int]) -> JsonObject:
    name = f"{item.name}.example.com"
    return {
        "ipv4": None
        if item.ipv4 is None
        else {"id": 2 * item.id, "ip": item.ipv4, "blocked": False, "dns_ptr": name},
        "ipv6": None
        if item.ipv6 is None
        else {"id": 2 * item.id + 1, "ip": item.ipv6, "blocked": False, "dns_ptr": []},
        "floating_ips": floating_ips,
        "firewalls": [],
    }


def _private_net(model: CloudModel, item: Server, as_of_s: float) -> list[JsonObject]:
    found = [
        (number, model.networks.member_at(number, item.id, as_of_s))
        for number in model.networks.all
    ]
    return [
        {
            "network": number,
            "ip": member.ip,
            "alias_ips": list(member.alias_ips),
            "mac_address": _mac_address(number, item.id),
        }
        for number, member in found
        if member is not None
    ]


def _mac_address(network_id: int, server_id: int) -> str:
    octets = (0x86, 0, network_id & 255, server_id >> 16 & 255, server_id >> 8 & 255)
    return ":".join(f"{octet:02x}" for octet in (*octets, server_id & 255))


def network(model: CloudModel, item: Network, as_of_s: float) -> JsonObject:
    """Return a private network with its members at `as_of_s`."""
    return {
        "id": item.id,
        "name": item.name,
        "ip_range": str(item.ip_range),
        "subnets": [
            {
                "type": "cloud",
                "ip_range": str(each),
                "network_zone": "eu-central",
                "gateway": str(each.network_address + 1),
                "vswitch_id": None,
            }
            for each in item.subnets
        ],
        "routes": [],
        "servers": list(model.networks.members_at(item.id, as_of_s)),
        "load_balancers": [],
        "protection": {"delete": False},
        "labels": dict(item.labels),
        "created": rfc3339(model, item.created_s),
        "expose_routes_to_vswitch": False,
    }


def members(model: CloudModel, item: Network, as_of_s: float) -> list[JsonObject]:
    """Return a network's members; that one is `updating` while its action runs is our guess."""
    changing = {
        each.member
        for each in model.register.actions.values()
        if isinstance(each, AliasAction)
        and each.network == item.id
        and each.started_s <= as_of_s
        and each.status(as_of_s) == "running"
    }
    return [
        {
            "id": server_id,
            "type": "server",
            "ip": member.ip,
            "alias_ips": list(member.alias_ips),
            "subnet": str(item.subnet_of(ipaddress.IPv4Address(member.ip))),
            "status": "updating" if server_id in changing else "ok",
        }
        for server_id, member in model.networks.members_at(item.id, as_of_s).items()
    ]


def _server_type(place: str) -> JsonObject:
    price = {"net": "1.0000000000", "gross": "1.1900000000000000"}
    at = LOCATIONS[place]
    return {
        "id": 22,
        "name": "cpx11",
        "description": "CPX 11",
        "category": "Shared vCPU",
        "cores": 2,
        "memory": 2,
        "disk": 40,
        "deprecated": False,
        "deprecation": None,
        "prices": [
            {
                "location": at.name,
                "price_hourly": price,
                "price_monthly": price,
                "included_traffic": 21990232555520,
                "price_per_tb_traffic": price,
            }
        ],
        "storage_type": "local",
        "cpu_type": "shared",
        "architecture": "x86",
        "locations": [
            {
                "id": at.id,
                "name": at.name,
                "deprecation": None,
                "available": True,
                "recommended": True,
            }
        ],
    }


def _image(created: str) -> JsonObject:
    return {
        "id": 114690387,
        "type": "system",
        "status": "available",
        "name": "debian-12",
        "description": "Debian 12",
        "image_size": None,
        "disk_size": 5,
        "created": created,
        "created_from": None,
        "bound_to": None,
        "os_flavor": "debian",
        "os_version": "12",
        "rapid_deploy": True,
        "protection": {"delete": False},
        "deprecated": None,
        "deleted": None,
        "labels": {},
        "architecture": "x86",
    }
