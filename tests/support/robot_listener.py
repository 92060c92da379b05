"""What stands for Robot's webservice in tests of the adapter and the daemon: a list of answers."""

import base64
import threading
from urllib.parse import parse_qs

from tests.support.http_server import Peer, RawServer, Seen, http

USER = "#ws+hakeeper"
PASSWORD = "pass:with:colons"  # no secret
LOGIN = f"{USER}:{PASSWORD}"
BASIC = base64.b64encode(LOGIN.encode()).decode()


def refusal(status: int, code: str, message: str = "no", **members: object) -> bytes:
    """Write an error answer as Robot does."""
    return http(status, {"error": {"status": status, "code": code, "message": message, **members}})


def failover(ip: str, active: str | None, netmask: str = "255.255.255.255") -> dict[str, object]:
    """Write a failover IP as Robot does."""
    inner = {
        "ip": ip,
        "netmask": netmask,
        "server_ip": "198.51.100.99",
        "server_number": 321,
        "active_server_ip": active,
    }
    return {"failover": inner}


class RobotListener(RawServer):
    """Routes failover IPs at once; it takes one login, and may hold back its switches."""

    def __init__(self, **holders: str | None) -> None:
        super().__init__(self._behave)
        self.holders = dict(holders)
        self.login = LOGIN
        self.switches = threading.Event()
        """Switches are answered while this is set."""
        self.switches.set()

    @property
    def url(self) -> str:
        """Robot's paths begin at the root."""
        return super().url.removesuffix("/v1")

    def asked(self, method: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.method == method]

    def _behave(self, peer: Peer, seen: Seen) -> bytes | None:
        basic = base64.b64encode(self.login.encode()).decode()
        if seen.headers.get("authorization") != f"Basic {basic}":
            return refusal(401, "UNAUTHORIZED", "Unauthorized")
        if seen.path == "/failover":
            listed = [failover(ip, active) for ip, active in self.holders.items()]
            return http(200, listed) if listed else refusal(404, "NOT_FOUND")
        ip = seen.path.rpartition("/")[2]
        if ip not in self.holders:
            return refusal(404, "NOT_FOUND")
        if seen.method == "POST":
            while not self.switches.wait(0.05):
                if peer.server.stopping.is_set():
                    return None
            self.holders[ip] = parse_qs(seen.body.decode())["active_server_ip"][0]
        return http(200, failover(ip, self.holders[ip]))
