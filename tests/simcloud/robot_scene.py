"""Two dedicated servers, a failover IP and a failover network, and a caller on each server."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from hakeeper.demo.robot import Login, RobotFront

NO_PROXIES = {"http": "", "https": ""}
MAIN_A, MAIN_B = "198.51.100.11", "198.51.100.12"
NET_A, NET_B = "2001:db8:a::", "2001:db8:b::"
WEB = "203.0.113.7"
WEB6 = "2001:db8:f::"
FORM = "application/x-www-form-urlencoded"


@dataclass
class RobotCaller:
    """A client that adds nothing of its own: one session, one login, no retries."""

    url: str
    login: Login
    session: requests.Session = field(default_factory=requests.Session)

    def send(
        self, method: str, path: str, *, data: str | None = None, timeout_s: float = 20
    ) -> requests.Response:
        return self.session.request(
            method,
            self.url + path,
            auth=(self.login.user, self.login.password),
            headers={} if data is None else {"Content-Type": FORM},
            data=data,
            proxies=NO_PROXIES,
            timeout=timeout_s,
        )

    def failover(self, ip: str) -> dict[str, Any]:
        response = self.send("GET", f"/failover/{ip}")
        assert 200 == response.status_code, response.text
        shown: dict[str, Any] = response.json()["failover"]
        return shown

    def route(self, ip: str, target: str, *, timeout_s: float = 20) -> requests.Response:
        data = f"active_server_ip={target}"
        return self.send("POST", f"/failover/{ip}", data=data, timeout_s=timeout_s)

    def unroute(self, ip: str) -> requests.Response:
        return self.send("DELETE", f"/failover/{ip}")


@dataclass
class RobotScene:
    """Both addresses are routed to the first server."""

    robot: RobotFront
    server_a: int
    server_b: int
    a: RobotCaller
    b: RobotCaller


def set_the_scene(robot: RobotFront) -> RobotScene:
    server_a = robot.add_server(MAIN_A, NET_A)
    server_b = robot.add_server(MAIN_B, NET_B)
    robot.add_failover(WEB, server_a, to=server_a)
    robot.add_failover(f"{WEB6}/64", server_b, to=server_a)
    callers = [RobotCaller(robot.url, robot.add_client(name)) for name in ("node-a", "node-b")]
    return RobotScene(robot, server_a, server_b, *callers)


def code(response: requests.Response) -> tuple[int, str]:
    """Return status and code of an error."""
    return response.status_code, str(response.json()["error"]["code"])


@contextmanager
def in_background(
    ask: Callable[[], requests.Response],
) -> Iterator["Future[requests.Response]"]:
    """Ask in another thread, which has ended when the block has."""
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(ask)
