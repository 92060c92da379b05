"""Robot in virtual time: failover IPs, each of which takes most of a minute to switch.

The request of a switch is answered when it is done, and the address is locked so long. Servers are
named by their main IP. What a read shows meanwhile, the holder of before, may be marked as moving.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import replace

from hakeeper.cloud_register import Move
from hakeeper.core.calls import Answer, Failure, FailureKind, Mutate, MutationAccepted, Request
from hakeeper.core.kind import Kind
from hakeeper.core.model import Server
from hakeeper.core.observation import Key, Observation, ResourceId, ResourceRef
from hakeeper.kinds.failover_ip import keys_of
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.project import Accepted, Nature, failure

SWITCH_S = 50.0
"""How long a switch takes: Hetzner says 40 to 60 s."""
ALREADY = failure(FailureKind.ALREADY, "failover_already_routed", 409)
LOCKED = failure(FailureKind.LOCKED, "failover_locked", 409)
_MAIN_IPS = ipaddress.IPv4Network("198.18.0.0/16")
_FAILOVER_IPS = ipaddress.IPv4Network("198.19.0.0/16")


def main_ip(server_id: int) -> str:
    """Return what the server that the cloud knows by this id is called at Robot."""
    return str(_MAIN_IPS[server_id])


def nature(latency_s: float = 0.2, switch_s: float = SWITCH_S) -> Nature:
    """Return what Robot is like in good times."""
    return Nature(
        latency_s=latency_s,
        action_s=switch_s,
        holder_at_accept=False,
        limit_per_hour=100,
        actions=False,
    )


class RobotCloud(WorldCloud):
    """Who has which failover IP."""

    def __init__(
        self, of: Nature, kind: Kind, agenda: Agenda, on_move: Callable[[Move], None]
    ) -> None:
        """Begin empty."""
        super().__init__(of, kind, agenda, on_move)
        self.shows_moving = True
        """Whether reads say that a switch is under way: Robot's documentation does not."""
        self._switched_at_s = 0.0

    def add_server(self, server_id: Key, status: str = "running", zone: str = "") -> None:
        """Add a server, by the id that the cloud would give it."""
        own = ipaddress.ip_network(main_ip(int(server_id)))
        (key,) = keys_of([own])
        self.servers[key] = Server(id=key, name=str(key), status=status, zone=zone, own=(own,))

    def add_numbered(self, number: int, holder: Key | None) -> None:
        """Add the failover IP with this number."""
        network = ipaddress.ip_network(_FAILOVER_IPS[number])
        label = str(network.network_address)
        known = ResourceId(self.kind.name, label)
        self.add(Observation(id=known, label=label, network=network, server_id=holder))

    def ref_of(self, number: int) -> ResourceRef:
        """Return how configurations name the failover IP with this number."""
        return self.kind.ref(str(_FAILOVER_IPS[number]))

    def answer_takes_s(self, outcome: Answer | Failure) -> float:
        """Return how long the answer takes beside its way: that of a switch, until it is done."""
        if isinstance(outcome, MutationAccepted):
            return max(0.0, self._switched_at_s - self._agenda.now)
        return 0.0

    def _begin(self, action: Accepted) -> MutationAccepted:
        self._switched_at_s = action.ends_s
        return super()._begin(action)

    def _list(self, lag_s: float) -> tuple[Observation, ...]:
        return tuple(map(self._shown, super()._list(lag_s)))

    def _as_of(self, resource: Key, lag_s: float) -> Observation:
        return self._shown(super()._as_of(resource, lag_s))

    def _shown(self, seen: Observation) -> Observation:
        """Mark what is being switched, where Robot does."""
        moving = any(action.resource == seen.id.key for action in self._register.running())
        return replace(seen, moving=self.shows_moving and moving)

    def answer(self, request: Request, caller: Key, lag_s: float = 0.0) -> Answer | Failure:
        """Carry a request out now, with Robot's own words of refusal."""
        outcome = super().answer(request, caller, lag_s)
        if isinstance(request, Mutate) and isinstance(outcome, Failure):
            match outcome.kind:
                case FailureKind.ALREADY:
                    return ALREADY
                case FailureKind.LOCKED:
                    return LOCKED
                case _:
                    pass
        return outcome
