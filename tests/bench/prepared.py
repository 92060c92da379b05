"""An assign as bytes that are ready to be written."""

import json

HOST = "127.0.0.1"


def assign(port: int, token: str, floating_ip: int, server: int) -> bytes:
    """Return the whole request."""
    body = json.dumps({"server": server}).encode()
    head = (
        f"POST /v1/floating_ips/{floating_ip}/actions/assign HTTP/1.1",
        f"Host: {HOST}:{port}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body
