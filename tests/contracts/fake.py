"""The world's own port, over virtual time, in a world in which nothing else happens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from hakeeper.core import kind as core_kind
from hakeeper.core.events import StartCall
from hakeeper.kinds import FLOATING_IPS
from hakeeper.simulate.calls import Caller
from hakeeper.simulate.faults.kinds import CLOUD_STATE, Fault, Kind
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.plan import Course, Plan, Shape
from hakeeper.simulate.world import World
from tests.contracts.port import Port

PATIENCE_S = 600.0
"""Virtual seconds in which everything has happened."""
FOR_EVER_S = 1e6
NAME = "VI_1"


class _Struck(Observer):
    """Hears which faults really struck a call."""

    def __init__(self, struck: Callable[[Kind], None]) -> None:
        self._struck = struck

    def call_struck(self, kind: Kind) -> None:
        """Pass it on."""
        self._struck(kind)


class FakePort(Port):
    """`Caller` and `WorldCloud`, with faults made by the world's own injector."""

    late_s = 1e-9

    def __init__(self, kinds: Sequence[core_kind.Kind] = (FLOATING_IPS,)) -> None:
        """Build a world of two nodes, none of which is started; what is asked is of one API."""
        super().__init__()
        shape = Shape(nodes=2, addresses=0)
        plan = Plan(seed=1, shape=shape, course=Course.SWARM, chaos_s=FOR_EVER_S, faults=())
        self._world = World(plan, kinds=kinds)
        self._world.observers.add(_Struck(self.seen.add))
        self._cloud = self._world.clouds.of(0)
        self._caller = Caller(
            self._world.nodes[0],
            self._results.append,
            self._world.agenda,
            self._world.clouds,
            self._world.observers,
        )
        self._serial = 0

    def add_ip(self, floating_ip_id: int, holder: int | None) -> None:
        """Add it to the cloud, and to those that the injector knows."""
        self._cloud.add_numbered(floating_ip_id, holder)
        self._announce(floating_ip_id)

    def _announce(self, number: int) -> None:
        self._world.layout.addresses[NAME] += (number,)
        self._world.layout.kind_of[number] = self._cloud.kind.name

    def holder(self, floating_ip_id: int) -> int | None:
        """Look into the cloud."""
        holder = self._cloud.holder(floating_ip_id)
        return None if holder is None else int(holder)

    def move(self, floating_ip_id: int, holder: int | None) -> None:
        """Do what the injector's other actor does."""
        self.seen.add(Kind.OTHER_ACTOR)
        self._cloud.move(floating_ip_id, holder)

    def set_status(self, server_id: int, status: str) -> None:
        """Tell the cloud."""
        self._cloud.set_status(server_id, status)

    def remove_server(self, server_id: int) -> None:
        """Take it out of the cloud."""
        del self._cloud.servers[server_id]

    def set_quota(self, limit_per_hour: int, remaining: int) -> None:
        """Reach into the bucket."""
        self._cloud.nature.limit_per_hour = limit_per_hour
        self._cloud.project._bucket.limit = float(limit_per_hour)
        self._cloud.project.fill(float(remaining))

    def rules(
        self, *, action_s: float = 0.0, holder_at_accept: bool = True, lock_servers: bool = False
    ) -> None:
        """Change the cloud's nature."""
        nature = self._cloud.nature
        nature.action_s = action_s
        nature.holder_at_accept, nature.lock_servers = holder_at_accept, lock_servers

    @contextmanager
    def fault(self, kind: Kind, value: float = 0.6) -> Iterator[None]:
        """Have the injector begin it, and strike every call."""
        self._serial += 1
        everybody = kind is Kind.OUTAGE or kind in CLOUD_STATE
        node = None if everybody else 0
        if kind in CLOUD_STATE:
            self.seen.add(kind)
        fault = Fault(kind, 0.0, FOR_EVER_S, node, 1, value, self._serial)
        self._world.injector.begin(fault)
        for each in self._cloud.faults.calls:
            each.share = 1.0
        yield
        self._world.injector.end(fault.serial)

    def land(self) -> None:
        """Everything that wanders has landed after this time."""
        self.settle()

    def now(self) -> float:
        """Return virtual time."""
        return self._world.agenda.now

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Let things happen one by one; where none is due, let time pass."""
        agenda, end_s = self._world.agenda, self.now() + PATIENCE_S
        while not holds():
            assert self.now() < end_s, what
            agenda.run_until(self.now() + 0.01, holds)

    def cancel(self, call_id: int) -> None:
        """Tell the caller."""
        self._caller.cancel(call_id)

    def is_sent(self, call_id: int) -> bool:
        """Look at the calls under way; one that has ended was."""
        under_way = {call.id: call for call in self._caller.open_calls()}
        return call_id not in under_way or under_way[call_id].sent_at_s is not None

    def _start(self, call: StartCall) -> None:
        self._caller.start(call)

    def settle(self) -> None:
        """Let ten virtual minutes pass."""
        self._world.agenda.run_until(self.now() + PATIENCE_S, lambda: False)

    def close(self) -> None:
        """Nothing is left."""
        self._caller.close()
