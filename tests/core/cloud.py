"""The simulated cloud as the core's stories set it: at once, unless they say otherwise."""

import enum
from ipaddress import ip_network

from hakeeper.cloud_register import Move
from hakeeper.core.calls import Failure, Identify, Mutate, ReadActions, ReadServer, Request
from hakeeper.core.kind import Kind
from hakeeper.core.observation import Key
from hakeeper.kinds import FAILOVER_IPS, FLOATING_IPS
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.project import ZONE, Nature
from hakeeper.simulate.robot_cloud import RobotCloud, nature
from tests.core.faults import READS, Fault
from tests.support.resources import floating_ip


class Ending(enum.Enum):
    """How the actions of accepted assigns end."""

    SUCCESS = enum.auto()
    ERROR = enum.auto()
    NEVER = enum.auto()


class Failing:
    """What fails calls as it is told to."""

    def __init__(self) -> None:
        self._failing: list[Fault] = []

    def fail(self, why: Failure, *requests: type[Request], **more: float) -> Fault:
        """From now on these requests (none named: all) fail."""
        every = (Identify, *READS, Mutate, ReadActions, ReadServer)
        fault = Fault(why, requests or every, **more)  # type: ignore[arg-type]
        self._failing.append(fault)
        return fault

    def heal(self) -> None:
        """Let no call fail any more."""
        self._failing.clear()

    def fault_of(self, request: Request) -> Fault | None:
        """Find the fault that this request meets, and use it up by one."""
        for fault in self._failing:
            if type(request) in fault.requests and fault.times > 0:
                fault.times -= 1
                return fault
        return None


class Cloud(Failing, WorldCloud):
    """The simulated cloud, which also fails calls as it is told to."""

    def __init__(self, agenda: Agenda, kind: Kind = FLOATING_IPS, *, actions: bool = True) -> None:
        """Begin empty."""
        self.moves: list[Move] = []
        nature = Nature(latency_s=0.0, holder_at_accept=False, actions=actions)
        Failing.__init__(self)
        WorldCloud.__init__(self, nature, kind, agenda, self.moves.append)
        self._ending = Ending.SUCCESS

    # --- setting the scene ---------------------------------------------------------------

    def add_ip(
        self, floating_ip_id: int, name: str, network: str, holder: Key | None = None
    ) -> None:
        self.add(
            floating_ip(
                id=floating_ip_id,
                name=name,
                network=ip_network(network),
                server_id=holder,
                network_zone=ZONE,
            )
        )

    def moved_between(self, first_s: float, last_s: float) -> int:
        return sum(first_s <= move.at_s <= last_s for move in self.moves)

    @property
    def ending(self) -> Ending:
        """How the actions of assigns end that are accepted from now on."""
        return self._ending

    @ending.setter
    def ending(self, ending: Ending) -> None:
        self._ending = ending
        self.faults.action_errors = int(ending is Ending.ERROR)
        self.faults.endless_actions = int(ending is Ending.NEVER)


class Robot(Failing, RobotCloud):
    """The simulated Robot, likewise."""

    def __init__(self, agenda: Agenda) -> None:
        """Begin empty."""
        self.moves: list[Move] = []
        Failing.__init__(self)
        RobotCloud.__init__(self, nature(), FAILOVER_IPS, agenda, self.moves.append)
