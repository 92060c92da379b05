"""A master with a failover IP of Robot: the installed package, with a login and no token.

One pair for all tests of this file, of both releases: each begins with the failover IP at web-a.
"""

import contextlib
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hakeeper.demo.lab import wait_until
from hakeeper.demo.robot import Login, SimRobot
from tests.e2e.conftest import PAIR, Installed
from tests.e2e.machine import PATIENCE_S, POLL_S, Machine
from tests.e2e.pair import FLOATING_IP, ROBOT_HOST, THIRD_HOST, Pair, Site

PORT: Final = 8443
CONFIG = "/etc/hakeeper/hakeeper.yaml"
LOGIN_FILE = "/etc/hakeeper/robot-login"
FAILOVER_IP = FLOATING_IP
"""The virtual address that keepalived has already."""
ELSEWHERE = ("198.51.100.99", "2001:db8:99::")
"""A server without hakeeper, which has it at first."""
SWITCH_S = 2.0
RIGHT, WRONG = Login("user-1", "right:one"), Login("user-1", "wrong")
_SETTINGS = f"""\
instances:
  VI_1:
    failover_ips: [{FAILOVER_IP}]
    vrrp_address: @OWN@
robot:
  endpoint: https://{ROBOT_HOST}:{PORT}
"""

pytestmark = pytest.mark.mixed


class Dedicated:
    """The pair, and Robot beside it."""

    def __init__(self, pair: Pair, robot: SimRobot) -> None:
        self.pair = pair
        self.robot = robot

    @property
    def a(self) -> Machine:
        """The preferred machine."""
        return self.pair.a

    @property
    def b(self) -> Machine:
        """The other one."""
        return self.pair.b

    def settle(self, master: Machine) -> None:
        """Wait until the failover IP is with a master that says so, and finds no fault."""
        wait_until(
            lambda: not self._misplaced(master),
            timeout_s=PATIENCE_S,
            poll_s=POLL_S,
            what=lambda: f"the failover IP at {master.name}: {self._misplaced(master)}",
        )

    def _misplaced(self, master: Machine) -> str:
        active = self.robot.active_server_ip(FAILOVER_IP)
        if active != master.public_ip:
            return f"it is with {active}"
        told = master.status()
        (role,) = told["roles"]
        confirmed = all(one["confirmed"] for one in role["addresses"])
        return "" if told["health"] == "ok" and confirmed else json.dumps(told)

    def posts(self, since: int) -> list[str]:
        """Return who asked for a switch since then."""
        return [str(one.client) for one in self.robot.switches() if one.seq > since]

    def seq(self) -> int:
        """Return the number of the last request so far."""
        return max((one.seq for one in self.robot.requests()), default=0)


@contextlib.contextmanager
def booted(site: Site, place: Path, installed: Installed) -> Iterator[Dedicated]:
    """A copy of the installed pair that has dedicated servers in place of cloud ones."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.certfile, site.keyfile)
    robot = SimRobot(
        host=THIRD_HOST, port=PORT, control_host="127.0.0.1", tls=context,
        allow_non_loopback=True,
    )  # fmt: skip
    with Pair(site, place / "pair", layers=installed.layers) as pair, robot:
        robot.set_rules(switch_s=SWITCH_S)
        robot.add_client("hakeeper", RIGHT)
        for one in pair.machines:
            robot.add_server(one.public_ip, f"2001:db8:{one.number}::", number=one.number)
        owner = robot.add_server(*ELSEWHERE, number=99)
        robot.add_failover(FAILOVER_IP, owner, to=owner)
        for one in pair.machines:
            prepare(one)
        dedicated = Dedicated(pair, robot)
        try:
            for one in (pair.a, pair.b):  # so that web-b claims nothing at first
                pair.switch_on(one)
                dedicated.settle(pair.a)
        except BaseException:
            print(pair.report())  # noqa: T201  # pytest shows it with the failure
            raise
        yield dedicated


def prepare(machine: Machine) -> None:
    """Write the failover IP and the login to the disk of a machine; its token goes."""
    disk = machine.disk
    disk.write(CONFIG, _SETTINGS.replace("@OWN@", machine.private_ip))
    disk.write(LOGIN_FILE, f"{RIGHT.user}:{RIGHT.password}\n", mode=0o600)
    (disk.root / "etc/hakeeper/token").unlink()
    hosts = disk.root / "etc/hosts"
    disk.write("/etc/hosts", f"{hosts.read_text()}{THIRD_HOST} {ROBOT_HOST}\n")


@pytest.fixture(scope="module")
def kept(
    installed: Installed, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dedicated]:
    """The pair of this file, with the failover IP at web-a."""
    with booted(site, tmp_path_factory.mktemp("dedicated"), installed) as dedicated:
        yield dedicated


@pytest.fixture
def dedicated(request: pytest.FixtureRequest, kept: Dedicated) -> Dedicated:
    """The same for one test."""
    request.node.stash[PAIR] = kept.pair
    return kept


def test_the_first_claim_finds_out_which_server_this_is(dedicated: Dedicated) -> None:
    told = dedicated.a.wait_for_event("server.identified")
    assert told["HAKEEPER_SERVER_ID"] == dedicated.a.public_ip
    dedicated.a.wait_for_event("address.claimed")
    assert dedicated.posts(0) == ["hakeeper"]
    (api,) = dedicated.a.status()["apis"]
    assert (api["name"], api["state"]) == ("robot", "ok")
    assert RIGHT.password not in dedicated.a.run("journalctl", "-u", "hakeeper", "-o", "json")


def test_a_failover_there_and_back(dedicated: Dedicated) -> None:
    since = dedicated.seq()
    dedicated.a.systemctl("stop", "keepalived")
    dedicated.settle(dedicated.b)
    dedicated.a.systemctl("start", "keepalived")
    dedicated.settle(dedicated.a)
    assert len(dedicated.posts(since)) == 2


def test_power_cut_of_the_master_in_the_middle_of_its_switch(dedicated: Dedicated) -> None:
    """Robot goes on with it, and refuses the new master until it is done."""
    dedicated.a.systemctl("stop", "keepalived")
    dedicated.settle(dedicated.b)
    since = dedicated.seq()
    dedicated.robot.set_rules(switch_s=20.0)
    dedicated.a.systemctl("start", "keepalived")
    wait_until(
        lambda: dedicated.posts(since), timeout_s=PATIENCE_S, what="web-a to ask for the switch"
    )
    dedicated.pair.cut_power(dedicated.a)
    dedicated.b.wait_for_event("claim.failed", time.time() - 1.0)
    dedicated.robot.set_rules(switch_s=SWITCH_S)
    dedicated.settle(dedicated.b)
    dedicated.pair.switch_on(dedicated.a)
    dedicated.settle(dedicated.a)


def test_a_wrong_login_is_tried_once_until_a_restart(dedicated: Dedicated) -> None:
    dedicated.b.systemctl("stop", "keepalived")  # so that web-a stays the only one who asks
    since = dedicated.seq()
    mark = time.time()
    write_login(dedicated.a, WRONG)
    dedicated.a.systemctl("restart", "hakeeper")
    dedicated.a.wait_for_event("login.rejected", mark)
    assert dedicated.a.status()["health"] == "broken"
    answers = [one.status for one in dedicated.robot.requests() if one.seq > since]
    assert answers.count(401) == 1
    write_login(dedicated.a, RIGHT)
    dedicated.a.systemctl("restart", "hakeeper")
    dedicated.settle(dedicated.a)
    assert not dedicated.robot.is_blocked(dedicated.a.public_ip)
    dedicated.b.systemctl("start", "keepalived")


def write_login(machine: Machine, login: Login) -> None:
    machine.write(LOGIN_FILE, f"{login.user}:{login.password}\n", mode=0o600)
