"""One VRRP instance over several nodes, as keepalived plays it.

Adverts are not sent one by one: only what they would change is computed. The times are
keepalived's (RFC 9568, and measured): a backup takes over `3 * advert_int + skew` after the last
advert it heard, at once (skew alone) after an advert of priority 0; a master that hears a better
one steps down; one that hears a lesser one says MASTER_RX_LOWER_PRI and answers with an advert.
A master that stepped down sends a last advert only with `vrrp_higher_prio_send_advert`; without
it, the better one may never learn that there had been two.
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

from hakeeper.core.model import VrrpId
from hakeeper.core.roles.lines import LineState
from hakeeper.simulate.agenda import Agenda

PROPAGATION_S = 0.001
LOWEST = 1


class VrrpState(enum.Enum):
    """What one keepalived is, for one instance."""

    OFF = "off"
    BACKUP = "backup"
    MASTER = "master"
    FAULT = "fault"


WORDS = {
    VrrpState.BACKUP: LineState.BACKUP,
    VrrpState.MASTER: LineState.MASTER,
    VrrpState.FAULT: LineState.FAULT,
}


@dataclass(slots=True, eq=False)
class Router:
    """One node's part in the instance."""

    node: int
    own_priority: int
    lowered: bool = False
    """Its track file has the number of a step-down."""
    state: VrrpState = VrrpState.OFF
    left_at_s: float = float("-inf")
    """When it last ceased to be MASTER."""
    frozen: bool = False
    broken_checks: int = 0
    """How many things make its track script fail."""
    isolated: bool = False
    """Its own address is missing: nothing comes in; what goes out still displaces others."""
    isolation_changed_at_s: float = float("-inf")
    """When that last changed."""
    isolated_from_s: float = float("-inf")
    """When it last began."""
    timer: int = 0
    """Counts timers, so that an old one is known as such."""
    armed: bool = False

    @property
    def priority(self) -> int:
        """The effective one."""
        return LOWEST if self.lowered else self.own_priority

    @property
    def speaks(self) -> bool:
        """Whether its adverts go out."""
        return self.state is VrrpState.MASTER and not self.frozen

    def beats(self, other: "Router") -> bool:
        """Say whether it wins against another master; equal priorities: the higher address."""
        return (self.priority, self.node) > (other.priority, other.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class VrrpSettings:
    """What keepalived.conf says of the instance."""

    vrrp_id: VrrpId
    """Its name, and whether its lines are those of its sync group."""
    advert_s: float = 1.0
    nopreempt: bool = False
    last_advert: bool = True
    """`vrrp_higher_prio_send_advert`: who steps down says so once."""


class Links:
    """The links between nodes, each in both directions."""

    def __init__(self) -> None:
        """Begin with all of them whole."""
        self.cuts: dict[tuple[int, int], int] = {}
        """How many faults cut the way from one node to another."""

    def whole(self, sender: int, receiver: int) -> bool:
        """Say whether what one node sends reaches another."""
        return not self.cuts.get((sender, receiver))

    def change(self, ways: Iterable[tuple[int, int]], change: int) -> None:
        """Let one more (or less) fault cut each of these ways."""
        for way in ways:
            self.cuts[way] = self.cuts.get(way, 0) + change


class Vrrp:
    """The instance; `say(node, vrrp_id, word, priority)` writes a line on that node."""

    def __init__(
        self,
        routers: list[Router],
        settings: VrrpSettings,
        agenda: Agenda,
        rng: Random,
        *,
        links: Links,
        say: Callable[[int, VrrpId, LineState, int], None],
    ) -> None:
        """Begin with every keepalived off."""
        self.routers = {router.node: router for router in routers}
        self.settings = settings
        self.id = settings.vrrp_id
        self._agenda = agenda
        self._rng = rng
        self._linked = links.whole
        self._say = say
        self._meetings: set[tuple[int, int]] = set()

    # --- what one asks -----------------------------------------------------------------------

    def masters(self) -> list[Router]:
        """Return those that are MASTER by their own word."""
        return [r for r in self.routers.values() if r.state is VrrpState.MASTER]

    # --- what happens to keepalived ------------------------------------------------------------

    def start(self, node: int) -> None:
        """Start keepalived there: its first line is always BACKUP or FAULT."""
        router = self.routers[node]
        router.frozen = False
        self._set(router, VrrpState.FAULT if router.broken_checks else VrrpState.BACKUP)
        self.refresh()

    def stop(self, node: int) -> None:
        """Stop it in order: an advert of priority 0 goes out."""
        router = self.routers[node]
        if router.state is VrrpState.OFF:
            return
        heard = self._hearers(router)
        self._enter(router, VrrpState.OFF)
        self._say(node, self.id, LineState.STOP, router.priority)
        self._farewell(heard)

    def kill(self, node: int) -> None:
        """Let it vanish without a word."""
        router = self.routers[node]
        self._enter(router, VrrpState.OFF)
        router.frozen = False
        self.refresh()

    def freeze(self, node: int, *, frozen: bool) -> None:
        """Stop its process, or let it go on; state and lines stay what they were."""
        router = self.routers[node]
        router.frozen = frozen
        self._follow_checks(router)
        self.refresh()

    def check(self, node: int, change: int) -> None:
        """One more (or less) thing makes its track script fail: FAULT, and priority 0."""
        router = self.routers[node]
        router.broken_checks += change
        self._follow_checks(router)

    def _follow_checks(self, router: Router) -> None:
        broken = router.broken_checks > 0
        if router.frozen or router.state is VrrpState.OFF:
            return
        if broken and router.state is not VrrpState.FAULT:
            heard = self._hearers(router)
            self._set(router, VrrpState.FAULT)
            self._farewell(heard)
        elif not broken and router.state is VrrpState.FAULT:
            self._set(router, VrrpState.BACKUP)
            self.refresh()

    def reprioritize(self, node: int, priority: int, *, notify: bool) -> None:
        """Change its effective priority; `notify`: with `vrrp_notify_priority_changes`."""
        router = self.routers[node]
        router.own_priority = priority
        if notify and router.state is not VrrpState.OFF and not router.frozen:
            master = router.state is VrrpState.MASTER
            word = LineState.MASTER_PRIORITY if master else LineState.BACKUP_PRIORITY
            self._say(node, self.id, word, priority)
        self.refresh()

    def lower(self, node: int, *, lowered: bool) -> None:
        """Let its track file lower the priority to the lowest, or no more."""
        self.routers[node].lowered = lowered
        self.refresh()

    def repeat(self, node: int) -> None:
        """Reload with `fifo_write_vrrp_states_on_reload`: a MASTER stays silent."""
        router = self.routers[node]
        if router.state in (VrrpState.BACKUP, VrrpState.FAULT) and not router.frozen:
            self._say(node, self.id, WORDS[router.state], router.priority)

    def unplug(self, node: int, *, isolated: bool) -> None:
        """Take its own address away, or give it back (newer keepalived: isolated, not FAULT)."""
        router = self.routers[node]
        if isolated and not router.isolated:
            router.isolated_from_s = self._agenda.now
        router.isolated, router.isolation_changed_at_s = isolated, self._agenda.now
        self.refresh()

    # --- the protocol --------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at who hears whom now, and let the timers follow."""
        for router in self.routers.values():
            if router.frozen:
                router.armed = False
                continue
            if router.state is VrrpState.BACKUP:
                self._mind_timer(router)
            elif router.state is VrrpState.MASTER:
                for other in self._heard(router):
                    self._meet(other, router, self._rng.uniform(0.0, self.settings.advert_s))

    def _heard(self, router: Router) -> Iterator[Router]:
        """Iterate over the masters whose adverts reach it."""
        if router.isolated:
            return
        for other in self.routers.values():
            if other is not router and other.speaks and self._linked(other.node, router.node):
                yield other

    def _hearers(self, router: Router) -> list[Router]:
        """Return those who would hear it say good-bye."""
        if not router.speaks:
            return []
        return [
            other
            for other in self.routers.values()
            if other is not router
            and not other.frozen
            and not other.isolated
            and other.state is VrrpState.BACKUP
            and self._linked(router.node, other.node)
        ]

    def _farewell(self, hearers: list[Router]) -> None:
        self.refresh()
        for other in hearers:
            if other.state is VrrpState.BACKUP and not any(self._accepted(other)):
                self._arm(other, self._skew_s(other))

    def _accepted(self, router: Router) -> Iterator[bool]:
        """Yield True for each master that it will stay behind."""
        for other in self._heard(router):
            if self.settings.nopreempt or other.priority >= router.priority:
                yield True

    def _skew_s(self, router: Router) -> float:
        return (256 - router.priority) / 256.0 * min(1.0, self.settings.advert_s)

    def _mind_timer(self, router: Router) -> None:
        if any(self._accepted(router)):
            router.armed = False
        elif not router.armed:
            since_s = self._rng.uniform(0.0, self.settings.advert_s)
            self._arm(router, 3 * self.settings.advert_s + self._skew_s(router) - since_s)

    def _arm(self, router: Router, delay_s: float) -> None:
        router.timer += 1
        router.armed = True
        self._agenda.after(delay_s, self._expire, router, router.timer)

    def _expire(self, router: Router, timer: int) -> None:
        if not router.armed or router.timer != timer or router.state is not VrrpState.BACKUP:
            return
        router.armed = False
        self._set(router, VrrpState.MASTER)
        for other in self.routers.values():
            if other is not router and self._linked(router.node, other.node):
                self._meet(router, other, PROPAGATION_S)
        self.refresh()

    def _meet(self, sender: Router, receiver: Router, delay_s: float) -> None:
        """Let the sender's next advert come in, if it is one that changes something."""
        pair = (sender.node, receiver.node)
        if receiver.state is VrrpState.MASTER and pair not in self._meetings:
            self._meetings.add(pair)
            self._agenda.after(delay_s, self._advert, sender, receiver)

    def _advert(self, sender: Router, receiver: Router) -> None:
        self._meetings.discard((sender.node, receiver.node))
        arrives = (
            sender.speaks and self._linked(sender.node, receiver.node) and not receiver.isolated
        )
        if not arrives or not receiver.speaks:
            return
        if sender.beats(receiver):
            last = self.settings.last_advert and self._linked(receiver.node, sender.node)
            self._set(receiver, VrrpState.BACKUP)
            if last and not sender.isolated:
                self._hear_lesser(sender)
            self.refresh()
            return
        self._hear_lesser(receiver)
        if self._linked(receiver.node, sender.node):
            self._meet(receiver, sender, PROPAGATION_S)  # it answers at once
        self._meet(sender, receiver, self.settings.advert_s)

    def _hear_lesser(self, router: Router) -> None:
        self._say(router.node, self.id, LineState.MASTER_RX_LOWER_PRI, router.priority)

    def _set(self, router: Router, state: VrrpState) -> None:
        self._enter(router, state)
        router.armed = False
        self._say(router.node, self.id, WORDS[state], router.priority)

    def _enter(self, router: Router, state: VrrpState) -> None:
        if router.state is VrrpState.MASTER and state is not VrrpState.MASTER:
            router.left_at_s = self._agenda.now
        router.state = state
