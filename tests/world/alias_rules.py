"""Rules about requests that replace a list: upon what they are built, and what becomes of the rest.

They are looked at as the API would get them. What a node had read is taken from the answers that
its core took in, and when these were true from the cloud.
"""

from dataclasses import dataclass, field
from math import inf

from hakeeper.cloud_register import Move
from hakeeper.core.apis.states import FRESH_S
from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    CallResult,
    Failure,
    Mutate,
    MutationAccepted,
    ReadAll,
)
from hakeeper.core.claim.step_rules import ACTION_PATIENCE_S
from hakeeper.core.decisions.claims import ClaimFailed
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import RoleChanged, VrrpAddressMissing
from hakeeper.core.events import Event, Report, SettingsChanged, StartCall
from hakeeper.core.limits.patience import LAG_S
from hakeeper.core.model import ActionStatus, ApiSettings, Role, VrrpId
from hakeeper.core.observation import Key, Reading, ResourceId
from hakeeper.kinds.alias_ip import MOST
from hakeeper.kinds.private_networks import place_of
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.alias_cloud import AliasCloud, list_asked_for
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, ListChange, Observer
from hakeeper.simulate.verdicts import Demand

BY_A_HAIR_S = 1e-6
AN_EDGE_S = 5.0
"""What a new master does within this time follows from its becoming master."""


@dataclass(frozen=True, slots=True)
class _Base:
    """What a node knows of one network: the lists of all servers there."""

    lists: dict[Key, tuple[str, ...]]
    as_of_s: float
    """When this was true."""
    asked_at_s: float
    answered_at_s: float


@dataclass(slots=True)
class _Moved:
    """What the last request for a list has moved, as far as nobody else may move it since."""

    request: Mutate
    ips: set[str]
    at_s: float
    """When it was accepted, or the end of its action was seen."""

    def is_in(self, aliases: tuple[str, ...]) -> bool:
        """Say whether a list is one of after that request."""
        if self.request.step.holder is None:
            return self.ips.isdisjoint(aliases)
        return self.ips <= set(aliases)


@dataclass(slots=True)
class _Seen:
    """What one run of hakeeper has read and sent; times are the world's."""

    asked_at: dict[int, float] = field(default_factory=dict)
    """The lists that are being read, by the call."""
    bases: dict[int, _Base] = field(default_factory=dict)
    """By the network, what was read last."""
    writing: dict[int, tuple[Key, int]] = field(default_factory=dict)
    """The lists that are being replaced, by the call."""
    requests: dict[int, Mutate] = field(default_factory=dict)
    """They themselves, by the call."""
    moved: dict[tuple[Key, int], _Moved] = field(default_factory=dict)
    """By the list, what was moved last."""
    vrrps: dict[int, VrrpId] = field(default_factory=dict)
    """For which instance, by the call; without those whose instance has lost its role since."""
    acting: dict[Key, tuple[tuple[Key, int], float, VrrpId]] = field(default_factory=dict)
    """The lists, since when and for which instance, by the actions that were seen to run last."""
    master_at: dict[VrrpId, float] = field(default_factory=dict)
    """When an instance became MASTER; not here once a request of it failed."""
    written_at: dict[int, float] = field(default_factory=dict)
    """When one of ours was last moved, by its number."""
    step_ended_at: dict[tuple[Key, int], float] = field(default_factory=dict)
    """When the last request for a list was answered, or the end of its action was seen."""


class AliasRules(Observer):
    """The rules; `demand` takes each verdict."""

    def __init__(self, layout: Layout, agenda: Agenda, cloud: AliasCloud, demand: Demand) -> None:
        """Begin with nobody running."""
        self._layout = layout
        self._agenda = agenda
        self._cloud = cloud
        self._demand = demand
        self._seen: dict[int, _Seen] = {}
        self._built: dict[int, tuple[Mutate, int, float]] = {}
        """By the request, which is kept here: whose it is, and of when that is what it is upon."""
        self._since: dict[tuple[int, str], float] = {}
        """When an alias came to the server that has it, or had it last."""

    def started(self, node: Node) -> None:
        """A run of hakeeper begins."""
        self._seen[node.index] = _Seen()

    # --- what is read, and what became of what was sent --------------------------------------

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Hear of the end of a call."""
        del reports
        seen, now = self._seen[node.index], self._agenda.now
        if isinstance(event, SettingsChanged):
            seen.acting.clear()
            seen.moved.clear()
        if not isinstance(event, CallResult):
            return
        asked_at = seen.asked_at.pop(event.call_id, None)
        writing = seen.writing.pop(event.call_id, None)
        request = seen.requests.pop(event.call_id, None)
        if writing is not None:
            seen.step_ended_at[writing] = now
        if isinstance(event.outcome, Failure):
            seen.master_at.clear()
        match event.outcome:
            case AllRead(reading=reading) if asked_at is not None:
                self._read(seen, reading, asked_at)
            case MutationAccepted(action) if writing is not None:
                vrrp = seen.vrrps.pop(event.call_id, None)
                if vrrp is not None and request is not None:
                    self._moved(seen, writing, request)
                runs = action is not None and action.status is ActionStatus.RUNNING
                if action is not None and runs and vrrp is not None:
                    seen.acting[action.id] = (writing, now, vrrp)
            case ActionsRead(actions):
                for action in actions:
                    ended = action.status is not ActionStatus.RUNNING
                    if ended and action.id in seen.acting:
                        which, *_ = seen.acting.pop(action.id)
                        seen.step_ended_at[which] = now
                        if action.status is not ActionStatus.SUCCESS:
                            seen.moved.pop(which, None)
                        elif which in seen.moved:
                            seen.moved[which].at_s = now
            case _:
                pass

    def _moved(self, seen: _Seen, which: tuple[Key, int], request: Mutate) -> None:
        ips = {place_of(resource)[1] for resource in request.resources}
        for each in seen.moved.values():
            if each.request.step.holder is not None:
                each.ips -= ips
        seen.moved[which] = _Moved(request, ips, self._agenda.now)

    def _read(self, seen: _Seen, reading: Reading, asked_at: float) -> None:
        as_of_s, now = self._cloud.as_of(reading), self._agenda.now
        for part in reading.parts:
            lists: dict[Key, tuple[str, ...]] = {int(row[0]): row[2:] for row in part.rows}
            seen.bases[int(part.key)] = _Base(lists, as_of_s, asked_at, now)

    def decided(self, node: Node, event: Event | None, decision: Decision) -> None:
        """Hear that a role changed: nobody waits for the actions of the one before."""
        del event
        seen = self._seen[node.index]
        if isinstance(decision, RoleChanged | VrrpAddressMissing):  # others may be master now
            numbers = self._layout.addresses[decision.vrrp.name]
            ours = self._cloud.resources
            ips = {place_of(ours[number].id)[1] for number in numbers if number in ours}
            for each in seen.moved.values():
                each.ips -= ips
            seen.acting = {
                action: of for action, of in seen.acting.items() if of[2] != decision.vrrp
            }
            # A claim is given up with its action, also if MASTER is back before that is accepted.
            for call_id in [call for call, vrrp in seen.vrrps.items() if vrrp == decision.vrrp]:
                del seen.vrrps[call_id]
            seen.master_at.pop(decision.vrrp, None)
        if isinstance(decision, ClaimFailed):  # what was refused goes alone
            seen.master_at.pop(decision.vrrp, None)
        if isinstance(decision, RoleChanged) and decision.after is Role.MASTER:
            seen.master_at[decision.vrrp] = self._agenda.now

    # --- what is sent ------------------------------------------------------------------------

    def handled(self, node: Node, batch: Batch) -> None:
        """Check the requests that are begun."""
        seen = self._seen[node.index]
        for effect in batch.effects:
            match effect:
                case StartCall(call_id, ReadAll(kind)) if kind == self._cloud.kind.name:
                    seen.asked_at[call_id] = self._agenda.now
                case StartCall(call_id, Mutate(resource) as request) if self._is_ours(resource):
                    self._asked(node, seen, call_id, request)
                case _:
                    pass

    def _is_ours(self, resource: ResourceId) -> bool:
        return resource.kind == self._cloud.kind.name

    def _asked(self, node: Node, seen: _Seen, call_id: int, request: Mutate) -> None:
        index, now, demand = node.index, self._agenda.now, self._demand
        server_id, network, aliases = list_asked_for(self._cloud.kind, request)
        moved = {place_of(resource)[1] for resource in request.resources}
        base = seen.bases.get(network, _Base({}, -inf, -inf, -inf))
        self._built[id(request)] = (request, index, base.as_of_s)

        age_s = now - base.answered_at_s
        ended_at = seen.step_ended_at.get((server_id, network), -inf)
        # What was answered later has waited, since its reader stood still.
        age_s = max(age_s, now - base.asked_at_s - ApiSettings().call_timeout_s)
        fresh = age_s <= FRESH_S + BY_A_HAIR_S and base.asked_at_s >= ended_at
        demand("read_right_before", index, fresh, "built upon a read of {:.3f} s ago", age_s)

        has = base.lists.get(server_id, ())
        holds = server_id == node.server_id or moved <= set(has)
        new = set(aliases) - set(has)
        right = holds and new <= (moved if server_id == node.server_id else set())
        about = (server_id, has, aliases)
        demand("own_lists_only", index, right, "server {} had {}, and would get {}", *about)

        last = seen.moved.get((server_id, network))
        is_new = last is not None and now < last.at_s + LAG_S - BY_A_HAIR_S
        if last is not None and is_new and node.jumped_at < last.at_s:
            text, kept = "server {} had {}, and {} was moved", last.is_in(has)
            demand("undoes_nothing", index, kept, text, server_id, has, sorted(last.ips))
        seen.requests[call_id] = request

        busy = list(seen.writing.values())
        since_s = max(now - ACTION_PATIENCE_S, node.jumped_at)  # a jump of the clock counts
        busy += [which for which, began_s, _ in seen.acting.values() if since_s < began_s]
        alone = (server_id, network) not in busy
        demand("one_write_per_list", index, alone, "two at once for server {}", server_id)
        seen.writing[call_id] = (server_id, network)
        name = self._layout.name_of[number_of(request.resource)]
        seen.vrrps[call_id] = self._layout.vrrp_id(name)

        if request.step.holder is None:
            ours = base.lists.get(node.server_id)
            able = ours is not None and len(ours) + len(moved) <= MOST
            text = "{} is released, and this server has {}"
            demand("obstacle_releases_nothing", index, able, text, sorted(moved), ours)
            self._together(node, seen, request, has)
        seen.written_at.update((number_of(each), now) for each in request.resources)

    def _together(self, node: Node, seen: _Seen, request: Mutate, has: tuple[str, ...]) -> None:
        """Check that a new master takes from a server all that it has of an instance, at once."""
        now, name = self._agenda.now, self._layout.name_of[number_of(request.resource)]
        numbers = self._layout.addresses[name]
        last_s = max(seen.written_at.get(number, -inf) for number in numbers)
        vrrp = self._layout.vrrp_id(name)
        calm = now - seen.master_at.get(vrrp, -inf) < AN_EDGE_S and now - last_s > AN_EDGE_S
        network = place_of(request.resource)[0]
        ours = self._cloud.resources
        known = {
            each.observation.id for each in node.core.state.resources.values() if each.observation
        }
        there = [ours[number].id for number in numbers if number in ours]
        there = [each for each in there if each in known]  # a reload may have taken one away
        there = [
            each for each in there if place_of(each)[0] == network and place_of(each)[1] in has
        ]
        if calm and len(there) > 1 and not self._cloud.faults.calls:
            coming = [  # they need their place here as well
                each
                for each in node.core.state.resources.values()
                if each.claim is not None and each.observation is not None
                if each.observation.id not in there
            ]
            most = min(len(there), max(1, request.step.most - len(coming)))
            text, about = "{} of {} are released", (len(request.resources), len(there))
            self._demand("moves_together", node.index, len(request.resources) >= most, text, *about)

    # --- what becomes of it ------------------------------------------------------------------

    def moved(self, move: Move) -> None:
        """Hear that one of ours came to a server."""
        if move.new is not None and move.resource in self._cloud.resources:
            self._since[place_of(self._cloud.resources[move.resource].id)] = move.at_s

    def list_changed(self, change: ListChange) -> None:
        """Check that a request has removed nothing else, as far as its sender could know."""
        before, after = set(change.before), set(change.after)
        request, now = change.request, self._agenda.now
        if request is not None:
            _, index, as_of_s = self._built[id(request)]
            moved = {place_of(resource)[1] for resource in request.resources}
            for ip in before - after - moved:
                kept = self._since.get((change.network, ip), -inf) >= as_of_s
                text = "{} of server {} is removed by a request for {}"
                about = (ip, change.server, sorted(moved))
                self._demand("others_kept", index, kept, text, *about)
            if before - moved:
                self._demand("others_kept", index, True, "")  # noqa: FBT003  # some could be lost
        for ip in after - before:
            self._since[change.network, ip] = now
