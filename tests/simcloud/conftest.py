import datetime as dt
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from hcloud import Client

from hakeeper.demo.cloud import CloudFront, SimCloud
from hakeeper.demo.robot import SimRobot
from tests.simcloud import robot_scene as robot_scenes
from tests.simcloud.robot_scene import RobotScene
from tests.simcloud.robot_schema import Reached, RobotChecker
from tests.simcloud.schema import AnswerChecker

NO_PROXIES = {"http": "", "https": ""}


@dataclass
class Caller:
    """A client that adds nothing of its own: one session, one token, no retries."""

    url: str
    token: str = field(repr=False)
    session: requests.Session = field(default_factory=requests.Session)

    def send(
        self,
        method: str,
        path: str,
        *,
        data: str | None = None,
        params: dict[str, str] | None = None,
        timeout_s: float = 20,
    ) -> requests.Response:
        return self.session.request(
            method,
            self.url + path,
            headers={"Authorization": f"Bearer {self.token}"},
            data=data,
            params=params,
            proxies=NO_PROXIES,
            timeout=timeout_s,
        )

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        response = self.send("GET", path)
        assert 200 == response.status_code, response.text
        return response.json()

    def post(self, path: str, body: object = None) -> requests.Response:
        return self.send("POST", path, data=None if body is None else json.dumps(body))

    def assign(self, floating_ip: int, server: object) -> requests.Response:
        return self.post(f"/floating_ips/{floating_ip}/actions/assign", {"server": server})

    def write_aliases(self, server: int, network: object, *alias_ips: object) -> requests.Response:
        """Replace the alias IPs of a server in a network."""
        body = {"network": network, "alias_ips": list(alias_ips)}
        return self.post(f"/servers/{server}/actions/change_alias_ips", body)


@dataclass
class Scene:
    """Two servers, one floating IP that belongs to the first, a caller on each."""

    cloud: CloudFront
    server_a: int
    server_b: int
    web: int
    a: Caller
    b: Caller

    def hcloud(self, caller: Caller) -> Client:
        return Client(token=caller.token, api_endpoint=caller.url, poll_interval=0.02, timeout=20)


@pytest.fixture(scope="session")
def checker() -> AnswerChecker:
    return AnswerChecker()


@pytest.fixture
def cloud(checker: AnswerChecker) -> Iterator[SimCloud]:
    """A cloud whose every answer is held against the schema."""
    problems: list[str] = []

    def observe(method: str, path: str, status: int, body: dict[str, Any]) -> None:
        problems.extend(checker.problems(method, path, status, json.loads(json.dumps(body))))

    with SimCloud(observer=observe) as made:
        yield made
    assert [] == problems


def set_the_scene(cloud: CloudFront) -> Scene:
    server_a = cloud.add_server("node-a", server_id=42)
    server_b = cloud.add_server("node-b", server_id=43, location="hel1")
    web = cloud.add_floating_ip("web", "203.0.113.10", server=server_a, labels={"vip": "web"})
    callers = [Caller(cloud.url, cloud.add_client(name)) for name in ("node-a", "node-b")]
    return Scene(cloud, server_a, server_b, web, *callers)


@pytest.fixture
def scene(cloud: SimCloud) -> Iterator[Scene]:
    made = set_the_scene(cloud)
    with made.a.session, made.b.session:
        yield made


VIP = "10.0.1.100"
"""The alias IP of the first server in LAN."""
LAN = 7


def add_lan(scene: Scene) -> None:
    """Attach both servers to a private network; the first one has an alias IP in it."""
    scene.cloud.add_network("lan", "10.0.0.0/16", network_id=LAN, subnets=["10.0.1.0/24"])
    scene.cloud.attach(scene.server_a, LAN, "10.0.1.11", alias_ips=[VIP])
    scene.cloud.attach(scene.server_b, LAN, "10.0.1.12")


@pytest.fixture
def lan(scene: Scene) -> Scene:
    add_lan(scene)
    return scene


@dataclass(frozen=True)
class Certificates:
    """A certificate authority and PEM files that it signed."""

    folder: Path
    authority: trustme.CA

    @property
    def ca_file(self) -> str:
        path = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(path))
        return str(path)

    def issue(self, name: str, *hosts: str, until: dt.datetime | None = None) -> tuple[str, str]:
        """Return certificate file and key file for these hosts."""
        issued = self.authority.issue_cert(*hosts, not_after=until)
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        issued.private_key_pem.write_to_path(str(files[1]))
        for index, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(str(files[0]), append=index > 0)
        return str(files[0]), str(files[1])

    def context(self, *files: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path, trustme.CA())


@pytest.fixture
def tls_scene(certificates: Certificates) -> Iterator[Scene]:
    """The scene on a cloud that speaks HTTPS; the callers trust its authority."""
    context = certificates.context(*certificates.issue("good", "127.0.0.1"))
    with SimCloud(tls=context) as made:
        scene = set_the_scene(made)
        with scene.a.session, scene.b.session:
            for caller in (scene.a, scene.b):
                caller.session.verify = certificates.ca_file
                caller.session.trust_env = False
            yield scene


@pytest.fixture(scope="session")
def robot_checker() -> RobotChecker:
    return RobotChecker()


@pytest.fixture
def answers() -> list[Reached]:
    """What the simulated Robot has answered."""
    return []


@pytest.fixture
def robot(robot_checker: RobotChecker, answers: list[Reached]) -> Iterator[SimRobot]:
    """A simulated Robot whose every answer is held against the descriptions."""
    problems: list[str] = []

    def observe(method: str, path: str, status: int, body: object) -> None:
        body = json.loads(json.dumps(body))
        problems.extend(robot_checker.problems(method, path, status, body))
        answers.append(robot_checker.reached(method, path, status, body))

    with SimRobot(observer=observe) as made:
        yield made
    assert [] == problems


@pytest.fixture
def robot_scene(robot: SimRobot) -> Iterator[RobotScene]:
    made = robot_scenes.set_the_scene(robot)
    with made.a.session, made.b.session:
        yield made
