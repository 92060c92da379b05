"""`check --online` with failover IPs: what it asks the simulated Robot, and what it says."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hakeeper.cli.check_online import as_text
from hakeeper.core.apis.budget import Budget
from hakeeper.core.calls import FailureKind
from hakeeper.demo.cloud import Answer, Fault
from hakeeper.demo.robot import Kind, Login, SimRobot
from hakeeper.doctor.examination import judge
from hakeeper.doctor.facts import DaemonFacts, DaemonProblem
from hakeeper.doctor.finding import Passed
from hakeeper.kinds.apis import ROBOT
from tests.doctor.robot_rows import (
    IP,
    MAIN,
    MAIN6,
    NET,
    OTHER,
    failover_ip,
    failover_ips,
    main,
    network_case,
    refused,
    robot_case,
    unlisted,
    with_cloud,
)
from tests.doctor.station import HAKEEPER, Told
from tests.support.server_facts import Case

HERE, HERE6 = "127.0.0.2", "2001:db8:a::"
"""The first one is no first address of an interface, as it may be on a real server."""
CLOUDS = {"API", "clock", "token", "quota", "server", "Primary IP", "floating IP"}


def passed(case: Case, check: str) -> list[str]:
    results = judge(case.facts()).results
    return [one.text for name, one in results if name == check and isinstance(one, Passed)]


# --- facts in, findings out ---------------------------------------------------------------------


def test_a_good_dedicated_server_passes_and_nothing_is_said_of_the_cloud() -> None:
    case = robot_case()
    reads = 3600 / Budget(limit_per_hour=ROBOT.limit_per_hour).reading_gap_s(1)

    assert [] == case.findings()
    assert ["https://robot-ws.your-server.de answers"] == passed(case, "Robot")
    assert ["accepted (file /etc/login)"] == passed(case, "Robot login")
    assert [f"of 100 reads an hour each node takes {reads:.0f}, and a check 1"] == (
        passed(case, "Robot budget")
    )
    assert [f"{MAIN} and 2001:db8:5::, from: configuration"] == passed(case, "Robot server")
    names = {name for name, _ in judge(case.facts()).results}
    assert not names & CLOUDS


@pytest.mark.parametrize(
    ("holder", "words"),
    [(OTHER, f"server {OTHER}"), (MAIN, "this server"), (None, "no server")],
)
def test_it_is_said_who_has_a_failover_ip(holder: str | None, words: str) -> None:
    case = robot_case(listed=failover_ips(failover_ip(IP, holder)))
    moving = robot_case(listed=failover_ips(failover_ip(IP, holder, moving=True)))

    assert [] == case.findings() == moving.findings()
    assert [f"{IP}, now on {words}"] == passed(case, "failover IP")
    assert [f"{IP}, now on {words}; a switch is under way"] == passed(moving, "failover IP")


def test_a_network_is_held_by_the_main_ipv6_network() -> None:
    ours = network_case("2001:db8:5::")

    assert [] == network_case().findings() == ours.findings()
    assert f"{NET}, now on this server" in passed(ours, "failover IP")
    assert f"{NET} is added by keepalived (/etc/keepalived/keepalived.conf:27)" in (
        passed(ours, "virtual IP")
    )


def test_an_ipv4_failover_ip_needs_no_main_ipv6_network_and_the_other_way_round() -> None:
    assert [] == robot_case(identified=main(MAIN)).findings()
    alone = network_case(identified=main(MAIN6)).here("10.0.0.2", "2001:db8:5::9")

    assert [f"VI_1: {IP}: {IP} is IPv4"] == [
        one.what.partition(",")[0] for _, one in alone.findings()
    ]


def test_beside_the_cloud_each_api_is_asked_for_its_own() -> None:
    both = with_cloud()
    no_robot = with_cloud().with_robot(listed=unlisted(FailureKind.TRANSIENT, "dns"))

    assert ["web = 203.0.113.10 (id 4711), now on server 102"] == passed(both, "floating IP")
    assert [f"{IP}, now on server {OTHER}"] == passed(both, "failover IP")
    assert ["Robot"] == [name for name, _ in no_robot.findings()]
    assert passed(both, "API") == passed(no_robot, "API") != []
    assert CLOUDS - {name for name, _ in judge(no_robot.facts()).results} == set()


@pytest.mark.parametrize(
    ("code", "robot"),
    [
        ("login.rejected", {"listed": refused()}),
        ("api.throttled", {"listed": unlisted(FailureKind.THROTTLED, "rate_limit_exceeded")}),
        ("api.unreachable", {"listed": unlisted(FailureKind.TRANSIENT, "connection_refused")}),
        ("server.unidentified", {"identified": main("192.0.2.77")}),
        ("address.unresolved", {"listed": failover_ips()}),
    ],
)
def test_what_explains_a_complaint_of_the_daemon_is_shown_alone(
    code: str, robot: dict[str, object]
) -> None:
    problem = DaemonProblem(is_broken=True, text="ill", code=code)
    case = replace(
        robot_case(**robot),  # type: ignore[arg-type]
        daemon=DaemonFacts(is_running=True, problems=(problem,)),
    )
    well = replace(robot_case(), daemon=case.daemon)

    assert "hakeeper" not in [name for name, _ in case.findings()]
    assert ["hakeeper"] == [name for name, _ in well.findings()]


def test_a_refused_login_warns_of_the_block() -> None:
    text = " ".join(as_text(judge(robot_case(listed=refused()).facts())).split())

    assert "the third refused login in ten minutes blocks this server's address" in text
    assert "A failover to this server would NOT work (1 error, 0 warnings)." in text


# --- the command, and Robot ---------------------------------------------------------------------


@dataclass
class Scene:
    """This machine and another server; a failover IP is on the other one."""

    robot: SimRobot
    folder: Path
    login: Login
    items: list[str] = field(default_factory=lambda: [IP])

    def check(self, lines: str = "") -> Told:
        """Run the command, which then has sent no more than one list to Robot."""
        path = self.folder / "hakeeper.yaml"
        path.write_text(
            f"instances: {{VI_1: {{failover_ips: {json.dumps(self.items)}}}}}\n"
            f"keepalived: {{fifo: {self.folder}/fifo}}\n"
            f"hetzner: {{endpoint: 'http://127.0.0.1:9/v1'}}\n"
            f"robot: {{endpoint: '{self.robot.url}', server: [{HERE}, '{HERE6}/64']}}\n{lines}"
        )
        done = subprocess.run(
            [HAKEEPER, "check", "--online", "--json", "-c", path],
            env={
                "PATH": os.environ["PATH"],
                "HAKEEPER_ROBOT_LOGIN": f"{self.login.user}:{self.login.password}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert self.login.password not in done.stdout + done.stderr
        return Told(done.returncode, done.stdout, json.loads(done.stdout))

    def asked(self) -> list[tuple[str, str, int | None]]:
        return [(one.method, one.path, one.status) for one in self.robot.requests()]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with SimRobot() as robot:
        robot.add_server(HERE, HERE6)
        other = robot.add_server(OTHER, "2001:db8:b::")
        robot.add_failover(IP, other, to=other)
        robot.add_failover(NET, other, to=other)
        yield Scene(robot, tmp_path, robot.add_client("check"))
        assert [] == robot.switches()
        assert [] == robot.moves()


def of_robot(told: Told) -> list[tuple[str, str]]:
    """Return what was found wrong at Robot."""
    return [one for one in told.findings() if "Robot" in one[0] or one[0] == "failover IP"]


def test_all_is_well_and_one_list_is_read(scene: Scene) -> None:
    scene.items = [IP, NET]
    told = scene.check()
    good = [(one["check"], one["text"]) for one in told.json["online"]["passed"]]

    assert [] == of_robot(told)
    assert [
        ("Robot", f"{scene.robot.url} answers"),
        ("Robot login", "accepted (environment variable HAKEEPER_ROBOT_LOGIN)"),
        ("Robot budget", "of 100 reads an hour each node takes 17, and a check 1"),
        ("Robot server", f"{HERE} and {HERE6}, from: configuration"),
        ("failover IP", f"{IP}, now on server {OTHER}"),
        ("failover IP", f"{NET}, now on server 2001:db8:b::"),
    ] == good[:6]
    assert [("GET", "/failover", 200)] == scene.asked()
    assert not {name for name, _ in told.findings()} & CLOUDS


def test_a_wrong_login_is_tried_once(scene: Scene) -> None:
    scene.login = replace(scene.login, password="not-the-right-one")  # none at all
    told = scene.check()

    assert (69, ["Robot login"]) == (told.code, [name for name, _ in of_robot(told)])
    assert "(unauthorized)" in of_robot(told)[0][1]
    assert [("GET", "/failover", 401)] == scene.asked()
    assert not scene.robot.is_blocked("127.0.0.1")


def test_an_unknown_address(scene: Scene) -> None:
    scene.items = ["203.0.113.9"]
    told = scene.check()

    assert [
        ("failover IP", f"VI_1: this login has no failover IP 203.0.113.9; it has: {IP}, {NET}")
    ] == of_robot(told)
    assert [("GET", "/failover", 200)] == scene.asked()


def test_an_account_without_failover_ips(scene: Scene) -> None:
    with scene.robot.faulty(Fault(status=404, code="NOT_FOUND")):
        told = scene.check()

    assert [("failover IP", f"VI_1: this login has no failover IP {IP}; it has: none")] == (
        of_robot(told)
    )


def test_the_reads_of_this_hour_are_spent(scene: Scene) -> None:
    scene.robot.set_quota(Kind.LIST, 100, left=0)
    told = scene.check()

    assert ["Robot budget"] == [name for name, _ in of_robot(told)]
    assert [("GET", "/failover", 403)] == scene.asked()


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(answer=Answer.RESET)])
def test_robot_is_down(scene: Scene, fault: Fault) -> None:
    with scene.robot.faulty(fault):
        told = scene.check()

    assert ["Robot"] == [name for name, _ in of_robot(told)]
    assert 1 == len(scene.asked())
