"""Everything the core remembers, in one place; `core.py` and `reconcile.py` work on it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from hakeeper.core.address import SPACING_S, Address
from hakeeper.core.api import Api
from hakeeper.core.budget import Budget, Use
from hakeeper.core.calls import Assign, ListFloatingIps, Request
from hakeeper.core.claim import take
from hakeeper.core.decisions import Decision
from hakeeper.core.events import CancelCall, Effect, Report, StartCall
from hakeeper.core.happenings import Happening, Hinted, Seen
from hakeeper.core.model import (
    AddressRef,
    FifoState,
    Holder,
    IpAddress,
    Nobody,
    Other,
    ProcessId,
    SavedState,
    Server,
    Settings,
    Unknown,
    Us,
    VrrpId,
)
from hakeeper.core.roles import RoleBook
from hakeeper.core.servers import SeenServer, holder_text
from hakeeper.core.stages import NEVER, ReadBack, Reading, Stage

STEADY_S = 3.0
"""A role that is MASTER for so long does not flap."""
ASIDE_S = 2.0
"""So long after a MASTER edge nothing is read that the claim does not need."""
ROLE_LOOK_S = 4.0
"""When to read the holders after a demotion: by then a new master has claimed."""
ROLE_LOOKS_S = 30.0
"""The least time between two such reads."""
QUERY_SPACING_S = 0.5
"""The least time between two questions to keepalived: a FIFO that overflows without end must not
make us ask without end."""


S = TypeVar("S", bound=Stage)


class InvariantError(Exception):
    """The core is wrong about itself: its state cannot be trusted any more (exit code 70)."""


@dataclass(frozen=True, slots=True)
class Inflight:
    """A call under way. `address` and `generation` are set for assigns only."""

    request: Request
    asked_at_s: float
    address: Address | None = None
    generation: int = 0


@dataclass(frozen=True, slots=True)
class RefusedSettings:
    """A reload that was refused: the old configuration stays, and the next start would fail."""

    reason: str
    at_s: float


@dataclass(slots=True)
class Schedule:
    """When the recurring work is due, in monotonic seconds."""

    listed_at_s: float = float("-inf")
    """When the last reading of all holders was begun."""
    reads_from_s: float = float("-inf")
    """After a failed read that somebody waits for: not before this."""
    read_attempt: int = 0
    read_failed_at_s: float = float("-inf")
    """When the last failed read that counted as an attempt ended."""
    identify_from_s: float = float("-inf")
    identify_attempt: int = 0
    server_doubted: bool = False
    """Our server may have another id by now."""
    query_at_s: float = float("-inf")
    queried_at_s: float = float("-inf")
    save_from_s: float = float("-inf")
    """After a failed save: not before this."""
    edge_at_s: float = float("-inf")
    """The last MASTER edge."""
    aside_until_s: float = float("-inf")
    """Idle reading steps aside for a claim, but not again and again for a role that flaps."""
    role_look_at_s: float | None = None
    """When to read the holders because a role changed; None: no such look is due."""
    role_looked_at_s: float = float("-inf")
    servers_from_s: float = float("-inf")
    """After a failed read of another server: not before this."""

    def query_soon(self, now: float) -> None:
        """Ask keepalived as soon as may be: its answer of a moment ago may be out of date."""
        self.query_at_s = max(now, self.queried_at_s + QUERY_SPACING_S)

    def edge(self, now: float) -> None:
        """A MASTER edge: what a claim may need is tried at once, but not for a flapping role."""
        if now >= self.edge_at_s + SPACING_S:
            self.reads_from_s = float("-inf")
            self.identify_from_s = float("-inf")
        if now >= self.aside_until_s + ASIDE_S:
            self.aside_until_s = now + ASIDE_S
        self.edge_at_s = now

    def read_failed(self, asked_at_s: float, now: float) -> int:
        """Count a failed read; return the attempt it belongs to.

        Reads that ran side by side are one attempt: what silenced one silenced all.
        """
        if asked_at_s >= self.read_failed_at_s:
            self.read_attempt += 1
            self.read_failed_at_s = now
        return self.read_attempt - 1

    def reads_work(self) -> None:
        """A read was answered: the next one waits for nothing."""
        self.read_attempt = 0
        self.reads_from_s = self.read_failed_at_s = float("-inf")

    def look_soon(self, now: float) -> None:
        """We are not MASTER any more: see who has the addresses; a flapping role costs no more."""
        if self.role_look_at_s is None:
            self.role_look_at_s = max(now + ROLE_LOOK_S, self.role_looked_at_s + ROLE_LOOKS_S)

    def listing(self, now: float) -> None:
        """A reading of all holders begins."""
        self.listed_at_s = now
        if self.role_look_at_s is not None and now >= self.role_look_at_s:
            self.role_look_at_s, self.role_looked_at_s = None, now


@dataclass(slots=True)
class State:
    """The memory of one node."""

    settings: Settings
    rng: Random
    roles: RoleBook
    addresses: dict[AddressRef, Address] = field(default_factory=dict)
    api: Api = field(default_factory=Api)
    budget: Budget = field(default_factory=Budget)
    pages: int = 1
    """How many calls the last list took."""
    schedule: Schedule = field(default_factory=Schedule)
    server: Server | None = None
    cached_server_id: int | None = None
    servers: dict[int, SeenServer] = field(default_factory=dict)
    """The other servers that hold an address of ours, by id."""
    keepalived: ProcessId | None = None
    keepalived_since_s: float = float("-inf")
    """Since when it is seen, or gone."""
    keepalived_gone: str = ""
    """How the last one ended; nothing if none was seen."""
    unverified: bool = False
    """Lines come, but the process that writes them is not seen."""
    query_failure: str = ""
    """Why keepalived cannot be asked for its roles; nothing while it answers."""
    silent_since_s: float | None = None
    """Since when keepalived lets questions wait; see `hanging.py`."""
    other_names: dict[VrrpId, None] = field(default_factory=dict)
    """Names that keepalived uses and the configuration lacks; in their order, bounded."""
    unnamed_since_s: dict[VrrpId, float] = field(default_factory=dict)
    """Configured instances that keepalived, when asked, names no more: it has others only."""
    refused_settings: RefusedSettings | None = None
    fifo: FifoState | None = None
    fifo_detail: str = "not opened yet"
    fifo_since_s: float = float("-inf")
    has_writer: bool | None = None
    """Whether another process has the FIFO open for writing; None: not known."""
    writer_since_s: float = float("-inf")
    here: tuple[IpAddress, ...] | None = None
    """The VRRP addresses that this machine has; None before the first look."""
    counts_from_s: dict[IpAddress, float] = field(default_factory=dict)
    """VRRP addresses that were lost, and when they count again (infinity: not here yet)."""
    calls: dict[int, Inflight] = field(default_factory=dict)
    next_call_id: int = 1
    query_asked: tuple[int, float] | None = None
    """The id and time of the question that keepalived has not answered yet."""
    next_query_id: int = 1
    saved: SavedState | None = None
    gone_sent_s: float = float("-inf")
    """The last assign of any address that a reload took away: it may come back as a new one."""
    effects: list[Effect] = field(default_factory=list)
    """What the event at hand has led to so far."""

    def report(self, *decisions: Decision) -> None:
        """Add to the journal."""
        self.effects.extend(map(Report, decisions))

    def is_master(self, vrrp: VrrpId) -> bool:
        """Say whether the role of an instance or group is confirmed MASTER."""
        return self.roles.role_states[vrrp].is_master

    def any_master(self) -> bool:
        """Say whether anything is confirmed MASTER here."""
        return any(role_state.is_master for role_state in self.roles.role_states.values())

    def holder_from(self, server_id: int | None) -> Holder:
        """Return who a server id of the API is."""
        if server_id is None:
            return Nobody()
        if self.server is None:
            return Unknown("which server this is has not been confirmed yet")
        return Us() if server_id == self.server.id else Other(server_id)

    def label_of(self, holder: Holder) -> str:
        """Return a holder for people; another server by its name, once that is known."""
        return holder_text(holder, self.servers)

    def addresses_of(self, vrrp: VrrpId) -> list[Address]:
        """Return the addresses that go with an instance or group."""
        return [address for address in self.addresses.values() if address.vrrp == vrrp]

    def in_stage(self, *stages: type[S]) -> Iterator[tuple[Address, S]]:
        """Iterate over the addresses in these stages, with the stages."""
        for address in self.addresses.values():
            if isinstance(stage := address.stage, stages):
                yield address, stage

    def reading(self) -> Iterator[tuple[Address, Reading]]:
        """Iterate over the addresses that wait for a read, with their stages."""
        for address in self.addresses.values():
            if isinstance(stage := address.stage, Reading):
                yield address, stage

    def happened(self, address: Address, what: Happening, now: float) -> None:
        """Move an address by the claim table; nothing else moves one."""
        self.report(*take(address, what, now, self.rng))

    def observed(self, address: Address, holder: Holder, asked_at_s: float, now: float) -> None:
        """Take in the holder of an address as of a read that was begun then."""
        before = address.holder
        if address.see(holder, asked_at_s, now):
            self.happened(address, Seen(holder, before, asked_at_s), now)

    def hinted(self, address: Address, cause: str, now: float) -> None:
        """Take in that keepalived says something that may mean that the holder changed."""
        address.hint(now)
        self.happened(address, Hinted(cause), now)

    def assigning(self, floating_ip_id: int) -> bool:
        """Say whether an assign of this floating IP is under way, even an unwanted one."""
        return any(
            isinstance(call.request, Assign) and call.request.floating_ip_id == floating_ip_id
            for call in self.calls.values()
        )

    def assigns(self) -> int:
        """Return how many assigns are under way."""
        return sum(isinstance(call.request, Assign) for call in self.calls.values())

    def asked(self, request_type: type[Request]) -> bool:
        """Say whether a call of this type is under way."""
        return any(isinstance(call.request, request_type) for call in self.calls.values())

    def use_of(self, address: Address, now: float) -> Use:
        """Say which part of the budget the next call for this claim may draw upon."""
        refused = address.refused_at_s > NEVER
        hopeless = refused and not self.api.assigns_work
        if address.favoured and not hopeless:
            return Use.EDGE
        if isinstance(address.stage, ReadBack) and address.stage.polls == 0:
            return Use.CLAIM  # one read, and it is done
        if hopeless:
            return Use.RETRY
        steady = now - self.roles.role_states[address.vrrp].since_s >= STEADY_S
        return Use.CLAIM if steady else Use.RETRY

    def standby_interval_s(self) -> float:
        """Return the seconds between two readings of a standby: as set, or as the list allows."""
        return max(self.settings.standby_interval_s, self.budget.reading_gap_s(self.pages))

    def affordable_from_s(self, address: Address, now: float, spare: int = 0) -> float:
        """Return from when on the budget lets the next call for this claim go."""
        from_s = self.budget.from_s(self.use_of(address, now), now, spare)
        steady_s = self.roles.role_states[address.vrrp].since_s + STEADY_S
        return min(from_s, steady_s) if now < steady_s else from_s

    def start(self, request: Request, now: float, address: Address | None = None) -> None:
        """Start a call; the only place where calls begin, so the guards stand here."""
        generation = 0
        if isinstance(request, Assign):
            generation = self._guard_assign(request, address)
        call_id, self.next_call_id = self.next_call_id, self.next_call_id + 1
        self.calls[call_id] = Inflight(request, now, address, generation)
        lists = isinstance(request, ListFloatingIps)
        self.budget.spend(now, self.pages if lists else 1, reading=lists)
        self.effects.append(
            StartCall(
                call_id,
                request,
                self.settings.call_timeout_s,
                urgent=address is not None,
            )
        )

    def cancel_assigns(self, addresses: Iterable[Address]) -> None:
        """Stop the assigns of these addresses that have not been sent yet."""
        chosen = {id(address) for address in addresses}
        for call_id, call in self.calls.items():
            if isinstance(call.request, Assign) and id(call.address) in chosen:
                self.effects.append(CancelCall(call_id))

    def _guard_assign(self, request: Assign, address: Address | None) -> int:
        """Check the rules that no bug elsewhere may break; see docs/dev/design.md."""
        if address is None:
            raise InvariantError("an assign for no address")
        role_state = self.roles.role_states[address.vrrp]
        if role_state.isolated:
            raise InvariantError(f"an assign of {address.label} while keepalived is isolated")
        if not role_state.is_master:
            raise InvariantError(f"an assign of {address.label} while not MASTER")
        if self.server is None or request.server_id != self.server.id:
            raise InvariantError(f"an assign of {address.label} to another server")
        if self.assigning(request.floating_ip_id):
            raise InvariantError(f"a second assign of {address.label} at the same time")
        return role_state.generation
