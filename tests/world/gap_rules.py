"""The rule about the time between the two steps of a move, in which nobody has the resource."""

from dataclasses import dataclass
from math import inf

from hakeeper.cloud_register import Move
from hakeeper.core.calls import CallResult, Failure, Mutate
from hakeeper.core.events import Event, Report, StartCall
from hakeeper.core.limits.patience import LAG_S
from hakeeper.core.roles.lines import LineState
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.alias_cloud import OLD_LIST
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.verdicts import Demand

SLACK_S = 0.5
"""What a move may take besides its two actions and the ways to the API."""
WAYS = 10
"""The ways there and back between the end of the first action and the second: a look at the action,
a read and the step, each perhaps on a new connection."""


@dataclass(frozen=True, slots=True, eq=False)
class _Gap:
    """Nobody has a resource, since its master has released it."""

    master: Node
    since_s: float


class GapRules(Observer):
    """The rule; it looks only where nothing else happens meanwhile."""

    def __init__(
        self, layout: Layout, agenda: Agenda, clouds: Clouds, paths: Paths, demand: Demand
    ) -> None:
        """Begin with no move under way.

        Of more resources than can be moved at once, some have to wait for the others.
        """
        self._layout = layout
        self._agenda = agenda
        self._clouds = clouds
        self._paths = paths
        self._demand = demand
        shape = layout.shape
        most = min(k.api.max_parallel for k in clouds.kinds.values() if k.releases_first)
        self._few = sum(part.addresses for part in shape.names()) <= most
        self._limit_s = 2.0 * shape.action_s + WAYS * shape.latency_s + SLACK_S + shape.queue_s()
        self._by: dict[int, tuple[Node, float]] = {}
        """Who released it last, and when; only what was sent while nothing struck calls."""
        self._calls: dict[tuple[int, int, int], Mutate] = {}
        """By node, run and call."""
        self._gaps: dict[int, _Gap] = {}
        self._undone_s = -inf
        """When a step of a master was undone last."""

    def assign_sent(self, node: Node, request: Mutate) -> None:
        """Hear of a release."""
        for resource in request.resources if request.step.holder is None else ():
            self._by[number_of(resource)] = (node, self._agenda.now)

    def handled(self, node: Node, batch: Batch) -> None:
        """Note what the calls are about."""
        for effect in batch.effects:
            if isinstance(effect, StartCall) and isinstance(effect.request, Mutate):
                self._calls[node.index, node.runs, effect.call_id] = effect.request

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Hear of a release that was refused or lost: what takes effect is another one's."""
        del reports
        if isinstance(event, CallResult):
            request = self._calls.pop((node.index, node.runs, event.call_id), None)
            if request is not None and isinstance(event.outcome, Failure):
                for resource in request.resources:
                    self._by.pop(number_of(resource), None)
                    self._gaps.pop(number_of(resource), None)

    def moved(self, move: Move) -> None:
        """Begin to look, or end."""
        now, fip = self._agenda.now, move.number
        if self._undoes(move):
            self._undone_s = now
            self._gaps.clear()
            self._by.clear()
            return
        gap = self._gaps.pop(fip, None)
        if gap is not None and move.new == gap.master.server_id:
            self._demand("no_gap", gap.master.index, True, "")  # noqa: FBT003  # it was in time
        by, sent_at_s = self._by.pop(fip, (None, 0.0))
        calm = now - sent_at_s < self._limit_s and not self._clouds.of(fip).faults.calls
        calm = calm and now >= self._undone_s + LAG_S
        if move.new is not None or by is None or not (calm and self._few):
            return
        if self._is_free(fip, by):
            gap = self._gaps[fip] = _Gap(by, now)
            self._agenda.after(self._limit_s, self._look, fip, gap)

    def _undoes(self, move: Move) -> bool:
        """Say whether a late step of another has undone one of a master's.

        For a while the master may take a list without that step for one that lags.
        """
        masters = {
            node.server_id for node in self._paths.masters(self._layout.name_of[move.number])
        }
        elsewhere = bool(masters) and move.new is not None and move.new not in masters
        return move.cause == OLD_LIST or move.old in masters or elsewhere

    def _is_free(self, fip: int, master: Node) -> bool:
        """Say whether nothing keeps the master from taking it."""
        name = self._layout.name_of[fip]
        cloud = self._clouds.of(fip)
        able = cloud.may_have(fip, master.server_id) and not cloud.is_locked(fip)
        waits = self._paths.has_spent_all(master, cloud) or self._paths.goes_one_by_one(
            master, cloud
        )
        return able and not waits and self._paths.master(name, cloud, paused=True) is master

    def _look(self, fip: int, gap: _Gap) -> None:
        if self._gaps.get(fip) is gap and self._is_free(fip, gap.master):
            text, about = "nobody has ip-{} for {:.3f} s", (fip, self._limit_s)
            self._demand("no_gap", gap.master.index, False, text, *about)  # noqa: FBT003

    # --- what else happens -------------------------------------------------------------------

    def fault_began(self, fault: Fault) -> None:
        """Look no more, unless it is a pause: a move that is half done goes on to its end."""
        if fault.kind is not Kind.PAUSE:
            self._gaps.clear()
            self._by.clear()

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        """Look no more at what this name has, where somebody else may be its master.

        A release that is under way is given up with its term, and nobody waits for its end.
        """
        del node, state, kept
        for fip in self._layout.addresses[name]:
            self._gaps.pop(fip, None)
            self._by.pop(fip, None)

    def ended(self, node: Node) -> None:
        """Look no more."""
        del node
        self._gaps.clear()

    def paused(self, node: Node) -> None:
        """Look no more."""
        del node
        self._gaps.clear()
