"""The model as the API's JSON, for any time in the past or now."""

import dataclasses
import datetime as dt
import math

from hakeeper.demo.cloud.locations import LOCATIONS
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.project import Action, FloatingIp, Server
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
    resources = [{"id": item.resource, "type": "floating_ip"}]
    if item.server is not None:
        resources.insert(0, {"id": item.server, "type": "server"})
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
        "resources": resources,
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
        "private_net": [
            _private_net(item, number, ip) for number, ip in enumerate(item.private_ips, start=1)
        ],
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


def _private_net(item: Server, number: int, ip: str) -> JsonObject:
    return {
        "network": number,
        "ip": ip,
        "alias_ips": [],
        "mac_address": f"86:00:{number:02x}:{item.id >> 16 & 255:02x}:{item.id >> 8 & 255:02x}"
        f":{item.id & 255:02x}",
    }


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
