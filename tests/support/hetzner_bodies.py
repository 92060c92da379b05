"""What the Hetzner Cloud API answers, as JSON and as HTTP, for tests that write every byte."""

from collections.abc import Mapping
from typing import Any

from tests.support.http_server import http

TOKEN = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3Ab4Cd5Ef6Gh7Ij8Kl9Mn0Op1Qr"
ME = 42
IP = 4711


def floating_ip_json(number: int = IP, **changes: object) -> dict[str, Any]:
    """Build a floating IP as the API shows it."""
    return {
        "id": number,
        "name": f"ip-{number}",
        "description": None,
        "ip": "203.0.113.10",
        "type": "ipv4",
        "server": ME,
        "dns_ptr": [],
        "home_location": {"id": 1, "name": "fsn1", "network_zone": "eu-central"},
        "blocked": False,
        "protection": {"delete": False},
        "labels": {},
        "created": "2026-01-30T23:50:00Z",
    } | changes


def action_json(number: int = 13, **changes: object) -> dict[str, Any]:
    """Build an action as the API shows it."""
    return {
        "id": number,
        "command": "assign_floating_ip",
        "status": "running",
        "progress": 0,
        "started": "2026-01-30T23:55:00Z",
        "finished": None,
        "resources": [],
        "error": None,
    } | changes


def server_json(number: int = ME, **changes: object) -> dict[str, Any]:
    """Build a server as the API shows it, as far as we look."""
    location = {"id": 1, "name": "fsn1", "network_zone": "eu-central"}
    return {"id": number, "name": "web1", "status": "running", "location": location} | changes


def page_json(numbers: range | list[int], next_page: int | None = None) -> dict[str, Any]:
    """Build one page of floating IPs."""
    pagination = {"page": 1, "per_page": 50, "next_page": next_page}
    return {
        "floating_ips": [floating_ip_json(number) for number in numbers],
        "meta": {"pagination": pagination},
    }


def error(
    status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None
) -> bytes:
    """Write an error answer as the API does."""
    return http(status, {"error": {"code": code, "message": message}}, headers)
