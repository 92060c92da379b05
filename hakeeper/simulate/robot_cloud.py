"""Robot in virtual time: failover IPs, each of which takes most of a minute to switch.

The request of a switch is answered when it is done, and the address is locked so long. Servers are
named by their main IP. What a read shows meanwhile, the holder of before, may be marked as moving.
Here, resources and servers go by their numbers; only requests and answers have Robot's names.
"""

import ipaddress
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from math import inf
from random import Random
from typing import Final

from hakeeper.cloud_register import Move
from hakeeper.core.calls import (
    NO_IDENTITY,
    Answer,
    Failure,
    FailureKind,
    Identified,
    Identify,
    Mutate,
    MutationAccepted,
    Request,
)
from hakeeper.core.kind import Kind
from hakeeper.core.model import Server
from hakeeper.core.observation import IpNetwork, Key, Observation, ResourceId, ResourceRef, label_of
from hakeeper.kinds.apis import ROBOT
from hakeeper.kinds.failover_ip import keys_of
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import ANOTHER_ACTOR, WorldCloud, number_in, number_of
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.project import Accepted, Nature, Project, failure

SWITCH_S: Final = 50.0
"""How long a switch takes: Hetzner says 40 to 60 s."""
LATENCY_S: Final = 0.2
REFUSALS: Final = 3
"""So many refused logins within `BLOCKED_S` block the address that they came from as long."""
BLOCKED_S: Final = 600.0
ALREADY: Final = failure(FailureKind.ALREADY, "failover_already_routed", 409)
LOCKED: Final = failure(FailureKind.LOCKED, "failover_locked", 409)
UNKNOWN_TARGET: Final = failure(FailureKind.REFUSED, "failover_new_server_not_found", 404)
FAILED: Final = failure(FailureKind.OUTCOME_UNKNOWN, "failover_failed", 500)
WRONG_LOGIN: Final = failure(FailureKind.AUTH, "unauthorized", 401)
UNKNOWN_HERE: Final = failure(FailureKind.TRANSIENT, NO_IDENTITY)
"""What the adapter says of a machine whose main IP nothing tells."""
_MAIN_IPS: Final = ipaddress.IPv4Network("198.18.0.0/16")
_FAILOVER_IPS: Final = ipaddress.IPv4Network("198.19.0.0/16")


def main_ip(server_id: Key) -> str:
    """Return what the server that the cloud knows by this id is called at Robot."""
    return str(_MAIN_IPS[int(server_id)])


def main_net(server_id: Key) -> str:
    """Return the same for IPv6."""
    return f"2001:db8:1:{int(server_id):x}::"


def server_at(address: Key) -> int:
    """Return the server with this main IP."""
    return number_in(str(address))


def nature(latency_s: float = LATENCY_S, switch_s: float = SWITCH_S) -> Nature:
    """Return what Robot is like in good times."""
    return Nature(
        latency_s=latency_s,
        action_s=switch_s,
        holder_at_accept=False,
        limit_per_hour=ROBOT.limit_per_hour,
        steps_per_hour=ROBOT.steps_per_hour,
        tells_quota=False,
        actions=False,
    )


def _target(seen: Observation, server_id: Key) -> str:
    """Return what the server is called that this is switched to: its address of that family."""
    of_ipv6 = seen.network is not None and seen.network.version == 6  # noqa: PLR2004  # IP's
    return main_net(server_id) if of_ipv6 else main_ip(server_id)


class RobotCloud(WorldCloud):
    """Who has which failover IP."""

    locked = LOCKED
    unavailable = "maintenance"

    def __init__(
        self, of: Nature | Project, kind: Kind, agenda: Agenda, on_move: Callable[[Move], None]
    ) -> None:
        """Begin empty."""
        super().__init__(of, kind, agenda, on_move)
        self.shows_moving = True
        """Whether reads say that a switch is under way: Robot's documentation does not."""
        self.without_main_ip: list[Key] = []
        """Servers of which nothing tells the main IP; one may be here twice."""
        self._takes_s = 0.0
        self._refused: dict[Key, deque[float]] = {}
        """The last refused logins of each server."""
        self._refused_at_s: dict[Key, float] = {}
        self._blocked_until_s: dict[Key, float] = {}

    def furnish(self, rng: Random | None, observers: Observer, ours: int) -> None:
        """Draw whether it marks what is moving."""
        del observers, ours
        self.shows_moving = rng is not None and rng.random() < 0.5  # noqa: PLR2004

    def add_numbered(self, number: int, holder: Key | None) -> None:
        """Add the failover IP with this number."""
        self._add(number, ipaddress.ip_network(_FAILOVER_IPS[number]), holder)

    def add_network(self, number: int, holder: Key | None) -> None:
        """Add the failover network of IPv6 with this number, in place of a failover IP."""
        self._add(number, ipaddress.ip_network(f"2001:db8:2:{number:x}::/64"), holder)

    def _add(self, number: int, network: IpNetwork, holder: Key | None) -> None:
        known = ResourceId(self.kind.name, str(network.network_address))
        self.resources[number] = Observation(
            id=known, label=label_of(network), network=network, server_id=holder
        )
        self._register.add(number, holder, self._agenda.now)

    def ref_of(self, number: int) -> ResourceRef:
        """Return how configurations name the failover IP with this number."""
        return self.kind.ref(str(_FAILOVER_IPS[number]))

    def key_of(self, server_id: Key) -> Key:
        """Return its main IP."""
        return main_ip(server_id)

    # --- what others do ----------------------------------------------------------------------

    def seize(self, resource: Key, holder: Key | None) -> None:
        """Let somebody switch it in Robot's web interface, which takes as long as by request."""
        refused = self._register.refusal(resource, holder, lock_servers=False)
        if refused is None and not self.is_locked(resource):
            course = {**self._course(holder), "cause": ANOTHER_ACTOR}
            self._begin(Accepted(twin=self, resource=resource, server=holder, **course))  # type: ignore[arg-type]  # the fields of `Course`

    def lose_main_ip(self, server_id: Key) -> Callable[[], None]:
        """Let nothing tell a server's main IP; return what ends that."""
        self.without_main_ip.append(server_id)
        return lambda: self.without_main_ip.remove(server_id)

    # --- logging in --------------------------------------------------------------------------

    def is_shut(self, server_id: Key) -> bool:
        """Say whether a server's login was refused not long ago."""
        return self._agenda.now - self._refused_at_s.get(server_id, -inf) < BLOCKED_S + 1.0

    def refuse_login(self, server_id: Key) -> Failure:
        """Refuse the login of a server, which may be one time too many."""
        now, refused = self._agenda.now, self._refused.setdefault(server_id, deque(maxlen=REFUSALS))
        self._refused_at_s[server_id] = now
        if now >= self._blocked_until_s.get(server_id, 0.0):
            refused.append(now)
            if len(refused) == REFUSALS and now - refused[0] < BLOCKED_S:
                self._blocked_until_s[server_id] = now + BLOCKED_S
        return WRONG_LOGIN

    def blocked(self, server_id: Key) -> Failure | None:
        """Return what a server is told that has logged in wrongly too often; None: it has not."""
        if self._agenda.now >= self._blocked_until_s.get(server_id, 0.0):
            return None
        self._refused_at_s[server_id] = self._agenda.now
        return WRONG_LOGIN

    # --- answering ---------------------------------------------------------------------------

    def answer_takes_s(self, outcome: Answer | Failure) -> float:
        """Return how long the last answer takes beside its way: a switch, until it is done."""
        waits = isinstance(outcome, MutationAccepted) or outcome is FAILED
        return self._takes_s if waits else 0.0

    def _begin(self, action: Accepted) -> MutationAccepted:
        accepted = super()._begin(action)
        self._takes_s = max(0.0, action.ends_s - self._agenda.now)
        return accepted

    def _slow_s(self) -> float:
        """Return how long a switch takes: what slows actions down comes on top."""
        return self.nature.action_s + max(self.faults.action_s, default=0.0)

    def _key_in(self, resource: ResourceId) -> Key:
        return number_of(resource)

    def _server_in(self, key: Key | None) -> Key | None:
        return None if key is None else server_at(key)

    def _list(self, lag_s: float) -> tuple[Observation, ...]:
        hidden = {*self.faults.gone, *self.faults.slipped}
        return tuple(self._as_of(each, lag_s) for each in self.resources if each not in hidden)

    def _as_of(self, resource: Key, lag_s: float) -> Observation:
        """Return what Robot shows: main IPs, and where it does what is being switched."""
        seen = super()._as_of(resource, lag_s)
        holder = seen.server_id
        return replace(
            seen,
            server_id=None if holder is None else _target(seen, holder),
            moving=self.shows_moving and self.is_busy(resource),
        )

    def answer(self, request: Request, caller: Key, lag_s: float = 0.0) -> Answer | Failure:
        """Carry a request out now, with Robot's own words of refusal."""
        if isinstance(request, Identify):
            return self._identified(caller)
        blocked = self.blocked(caller)
        if blocked is not None:
            return blocked
        if isinstance(request, Mutate) and not self._has_target(request):
            return UNKNOWN_TARGET
        outcome = super().answer(request, caller, lag_s)
        if isinstance(request, Mutate):
            if isinstance(outcome, Failure):
                return {FailureKind.ALREADY: ALREADY, FailureKind.LOCKED: LOCKED}.get(
                    outcome.kind, outcome
                )
            return FAILED if self.faults.action_errors else outcome
        return outcome

    def _has_target(self, request: Mutate) -> bool:
        """Say whether a switch names a server as Robot does; so, too, if nothing is to switch."""
        seen = self.resources.get(self._key_in(request.resource))
        if seen is None or self._key_in(request.resource) in self.faults.gone:
            return True
        target = request.step.holder
        server = self._server_in(target)
        return server is not None and server in self.servers and target == _target(seen, server)

    def _identified(self, caller: Key) -> Answer | Failure:
        """Return the server that sends from its main IP; Robot is not asked."""
        if caller in self.without_main_ip:
            return UNKNOWN_HERE
        own = ipaddress.ip_network(main_ip(caller))
        (key,) = keys_of([own])
        server = Server(id=key, name=str(key), status="running", own=(own,))
        return Identified(server, "the address that this machine sends from")
