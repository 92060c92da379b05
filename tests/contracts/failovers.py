"""Both ports with Robot, and what a story about failover IPs may do with them.

A failover IP goes by its number. Servers are named by their main IPs: see `main_ip`, `main_net`.
"""

import ipaddress
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.hetzner.robot import MainAddresses, robot_sessions
from hakeeper.core.calls import AllRead, Mutate, OneRead, ReadAll, ReadOne, Step
from hakeeper.core.model import Server
from hakeeper.core.observation import Key, Observation, ResourceId
from hakeeper.demo.cloud import Answer, Fault
from hakeeper.demo.robot import Kind as Counted
from hakeeper.demo.robot import Login, RobotRules, SimRobot
from hakeeper.kinds import FAILOVER_IPS
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.robot_cloud import RobotCloud, main_ip, main_net
from tests.contracts.fake import FakePort
from tests.contracts.port import FIRST, ME, OTHER, SECOND, STRANGER, Calls
from tests.contracts.real import HOST, PoolCalls, Tls

CLIENT = "node1"
LOGIN = Login("#ws+contract", "contract-password")
WRONG = Login(LOGIN.user, "another-password")
LIST = ReadAll(FAILOVER_IPS.name)
US = Server(id=main_ip(ME), name="", status="running", also=(main_net(ME),))
POST = "POST"
FAULTS: dict[tuple[Kind, float], Fault] = {
    (Kind.ERROR_5XX, SECOND): Fault(status=503),
    (Kind.LOST_ANSWER, FIRST): Fault(answer=Answer.CLOSE, commit=True),
    (Kind.LOCKED, FIRST): Fault(method=POST, status=409),
    (Kind.ACTION_ERROR, FIRST): Fault(method=POST, action_error="FAILOVER_FAILED"),
    (Kind.ACTION_ENDLESS, FIRST): Fault(method=POST, action_never_ends=True),
}
"""How the simulator makes what the world's injector makes of a kind and a value."""


def ip_of(number: int) -> str:
    """Return the failover IP with this number."""
    return f"198.19.0.{number}"


def net_of(number: int) -> str:
    """Return the address of the failover network of IPv6 with this number."""
    return f"2001:db8:2:{number:x}::"


class RobotPort(Calls):
    """An account with the servers ME, OTHER and STRANGER, no failover IP, and calls to Robot."""

    tells_quota = False

    @abstractmethod
    def add_ip(self, number: int, holder: int | None) -> None:
        """Add a failover IP that is routed to this server, or to none."""

    @abstractmethod
    def add_network(self, number: int, holder: int | None) -> None:
        """Add a failover network of IPv6."""

    @abstractmethod
    def holder(self, number: int) -> int | None:
        """Return where the one with this number is routed in truth."""

    @abstractmethod
    def move(self, number: int, holder: int | None) -> None:
        """Route it at once, by somebody else."""

    @abstractmethod
    def is_switching(self, number: int) -> bool:
        """Say whether a switch of it is under way in truth."""

    @abstractmethod
    def switch_takes(self, switch_s: float) -> None:
        """Say how long a switch takes."""

    @abstractmethod
    def hide_moving(self) -> None:
        """Let answers not say that a switch is under way."""

    @abstractmethod
    def spend(self) -> None:
        """Let others use up what Robot grants in an hour."""


class FakeRobot(FakePort, RobotPort):
    """`RobotCloud`, with nothing in it that was drawn."""

    tells_quota = False

    def __init__(self) -> None:
        super().__init__((FAILOVER_IPS,))
        assert isinstance(self._cloud, RobotCloud)
        self._robot = self._cloud
        self._robot.shows_moving = True

    def add_network(self, number: int, holder: int | None) -> None:
        self._robot.add_network(number, holder)
        self._announce(number)

    def is_switching(self, number: int) -> bool:
        return any(each.resource == number for each in self._robot._register.running())

    def switch_takes(self, switch_s: float) -> None:
        self._robot.nature.action_s = switch_s

    def hide_moving(self) -> None:
        self._robot.shows_moving = False

    def spend(self) -> None:
        project = self._robot.project
        project._bucket.fill(0.0)
        project._steps.fill(0.0)


class RealRobot(PoolCalls, RobotPort):
    """`HetznerPool` with Robot's sessions, and `SimRobot`."""

    def __init__(self, tls: Tls) -> None:
        super().__init__()
        self._robot = SimRobot(tls=tls.server, rules=RobotRules(switch_s=0.0))
        for number in (ME, OTHER, STRANGER):
            self._robot.add_server(main_ip(number), main_net(number), number=number)
        self._robot.add_client(CLIENT, LOGIN)
        self._names: dict[int, str] = {}
        endpoint = self._robot.url.replace("127.0.0.1", HOST)
        options = HetznerOptions(endpoint=endpoint, ca_file=tls.ca_file, version="1.2.3")
        main = MainAddresses([ipaddress.ip_network(main_ip(ME))], [], is_here=lambda _: True)
        self._pool = HetznerPool(
            options,
            robot_sessions(options, main),
            read_secret=lambda: f"{LOGIN.user}:{LOGIN.password}",
            redact=lambda text: text.replace(LOGIN.password, "[password]"),
            deliver=self._results.append,
            noun="login",
        )

    def add_ip(self, number: int, holder: int | None) -> None:
        self._names[number] = self._robot.add_failover(ip_of(number), OTHER, to=holder)

    def add_network(self, number: int, holder: int | None) -> None:
        self._names[number] = self._robot.add_failover(f"{net_of(number)}/64", OTHER, to=holder)

    def holder(self, number: int) -> int | None:
        return self._robot.holder(self._names[number])

    def move(self, number: int, holder: int | None) -> None:
        self._robot.move(self._names[number], holder)

    def is_switching(self, number: int) -> bool:
        return bool(self._robot.call("failover", ip=self._names[number])["status"] == "processing")

    def switch_takes(self, switch_s: float) -> None:
        self._robot.set_rules(switch_s=switch_s)

    def hide_moving(self) -> None:
        self._robot.set_rules(shows_status=False)

    def spend(self) -> None:
        for kind, limit in ((Counted.LIST, 100), (Counted.GET, 100), (Counted.POST, 50)):
            self._robot.set_quota(kind, limit, left=0)

    @contextmanager
    def fault(self, kind: Kind, value: float = FIRST) -> Iterator[None]:
        """Let the simulator be what the kind says."""
        self.seen.add(kind)
        if kind is Kind.UNAUTHORIZED:
            self._robot.add_client(CLIENT, WRONG)
            yield
            self._robot.add_client(CLIENT, LOGIN)
        else:
            with self._robot.faulty(FAULTS[kind, value]):
                yield

    def close(self) -> None:
        """End all threads."""
        self._pool.close()
        self._robot.close()


# --- requests and answers ------------------------------------------------------------------------


def read(address: str) -> ReadOne:
    """Ask for the failover IP with this address."""
    return ReadOne(ResourceId(FAILOVER_IPS.name, address))


def route(address: str, target: Key = US.id) -> Mutate:
    """Ask for a switch to the server that Robot calls so."""
    return Mutate(ResourceId(FAILOVER_IPS.name, address), Step("route", target, lane=address))


def all_of(port: RobotPort) -> tuple[Observation, ...]:
    """Read the list; nothing may be unreadable, and it takes one request."""
    answer = port.answer(LIST)
    assert isinstance(answer, AllRead)
    assert (LIST.kind, (), 1) == (answer.kind, answer.within, answer.requests)
    assert ((), ()) == (answer.reading.unreadable, answer.reading.parts)
    return answer.reading.found


def one_of(port: RobotPort, address: str) -> Observation:
    """Read one; the list must show the same of it."""
    answer = port.answer(read(address))
    assert isinstance(answer, OneRead)
    assert answer.observation in all_of(port)
    return answer.observation


def step_of(port: RobotPort, address: str) -> Mutate:
    """Read one and return the request that brings it to us."""
    found = one_of(port, address)
    step = FAILOVER_IPS.next_step(found, US)
    assert isinstance(step, Step), step
    return Mutate(found.id, step)
