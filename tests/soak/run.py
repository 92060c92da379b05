"""The soak itself: faults, healing, and the demand that all be right, round after round."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hakeeper.demo.cloud import CloudFront
from hakeeper.demo.lab import Lab, LabError, settle, wrongful_assigns
from tests.soak.audit import Audit
from tests.soak.contested import left_contested
from tests.soak.faults import UnaskedError
from tests.soak.injector import Injector
from tests.soak.kinds import Kind
from tests.soak.moves import Evidence, Holders, Move, Sort, moves
from tests.soak.plan import Planned, RoundPlan, plans, veteran
from tests.soak.settings import SoakSettings
from tests.soak.story import story
from tests.soak.vitals import Vitals, growth, look_at

LIMIT_PER_HOUR = 1_000_000
"""The nodes read every second; a project's real quota is not what is tried here."""
_LOOK_S = 5.0
"""While it waits for the right state, the soak looks for violations this often."""
_WARM_UP_LOOKS = 10
_GROWTH_RSS_KIB = 16 * 1024
_GROWTH_FDS = 16
_RECENT_FAULTS = 12


class Violation(Exception):  # noqa: N818  # it is what was looked for, not a failure of the soak
    """Something that must not be. `story` is the timeline that led to it."""

    def __init__(self, what: str, told: str) -> None:
        super().__init__(what)
        self.story = told


@dataclass(slots=True)
class Tally:
    """What a soak has seen so far."""

    rounds: int = 0
    moves: list[Move] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    """By the name of the fault."""
    healed_ms: list[float] = field(default_factory=list)
    """Per round: from the last healing until holder and MASTER last changed."""
    left_contested: list[int] = field(default_factory=list)
    """The rounds after which the MASTER held off, since nobody told it that it had won."""
    vitals: dict[str, dict[int, list[Vitals]]] = field(default_factory=dict)
    """By node and pid of its hakeeper: a look after every round."""
    assigns: int = 0
    requests: int = 0

    @property
    def failovers(self) -> int:
        """Moves of the MASTER role by a fault; neither returns nor second masters."""
        return sum(1 for move in self.moves if move.sort is Sort.FAILOVER)


class Soak:
    """One soak on a lab that has been entered."""

    def __init__(
        self,
        lab: Lab,
        cloud: CloudFront,
        settings: SoakSettings,
        *,
        check: Callable[[], None] = lambda: None,
        tell: Callable[[Tally], None] = lambda _: None,
        rounds: Iterable[RoundPlan] | None = None,
    ) -> None:
        """`check` may raise to end the soak early; `tell` hears of every round.

        `rounds`: other rounds than those that the seed draws; the soak ends with the last.
        """
        self.tally = Tally(vitals={node.name: {} for node in lab.nodes})
        self._lab = lab
        self._cloud = cloud
        self._settings = settings
        self._check = check
        self._tell = tell
        self._rounds = plans(settings) if rounds is None else rounds
        self.veteran = lab.nodes[veteran(settings)].name
        """The node whose hakeeper is never ended: what grows, grows there."""
        self.injector = Injector(lab, cloud, veteran=self.veteran, check=self._keep_an_eye)
        self.audit = Audit(lab.nodes)
        self._holders = Holders()
        self.began_s = time.monotonic()
        self._round_began_s = self.began_s
        self._changes_read = 0
        self._seq_read = 0

    def run(self) -> None:
        """Go on until a limit is reached. Raises Violation, or whatever `check` raises."""
        self._cloud.set_rate_limit(LIMIT_PER_HOUR, remaining=LIMIT_PER_HOUR)
        self._lab.start_hakeeper()
        self._lab.start_keepalived()
        self._demand()
        self._take_stock()
        for plan in self._rounds:
            if self._is_over():
                return
            self._round(plan)

    def _is_over(self) -> bool:
        lasted_s = time.monotonic() - self.began_s
        wanted = self._settings
        return (wanted.duration_s is not None and lasted_s >= wanted.duration_s) or (
            wanted.failovers is not None and self.tally.failovers >= wanted.failovers
        )

    def _round(self, plan: RoundPlan) -> None:
        self._round_began_s = time.monotonic()
        before = len(self.injector.done)
        self._play(plan)
        healed_s = time.monotonic()
        self._demand(may_be_contested=True)
        self.tally.rounds += 1
        self.tally.injected.update(fault.name for fault in self.injector.done[before:])
        last_s = self._take_stock()
        self.tally.healed_ms.append(max(0.0, last_s - healed_s) * 1000.0)
        self._tell(self.tally)

    def _play(self, plan: RoundPlan) -> None:
        try:
            self.injector.play(plan)
        except (LabError, UnaskedError) as error:
            raise self._violation(str(error)) from error

    # --- judging ---------------------------------------------------------------------------

    def _demand(self, *, may_be_contested: bool = False) -> None:
        """Wait until the one MASTER has the address; raises Violation if that never comes."""
        deadline_s = time.monotonic() + self._settings.give_up_s
        while True:
            self._keep_an_eye()
            left_s = deadline_s - time.monotonic()
            try:
                settle(
                    self._lab, timeout_s=max(0.0, min(_LOOK_S, left_s)), after_seq=self._seq_read
                )
            except LabError as error:
                if may_be_contested and left_contested(self._lab):
                    self.tally.left_contested.append(self.tally.rounds + 1)
                    self._begin_a_new_term()
                    return self._demand()
                if left_s <= 0:
                    what = f"not settled {self._settings.give_up_s:g} s after all was healed"
                    raise self._violation(f"{what}: {error}") from error
            else:
                return self._keep_an_eye()

    def _begin_a_new_term(self) -> None:
        """Do what ends a contest at once: give the role away and take it back."""
        _, lasts_s = self._settings.profile.lasts_s
        stop = Planned(kind=Kind.STOP, rank=0, begins_s=0.0, lasts_s=lasts_s, chance=0.0)
        self._play(RoundPlan(self.tally.rounds + 1, (stop,)))

    def _keep_an_eye(self) -> None:
        """Judge what must hold at any time."""
        self._check()
        wrongs = wrongful_assigns(self._lab, after_seq=self._seq_read)
        wrongs += self.audit.problems(self.injector.down)
        if wrongs:
            raise self._violation("; ".join(wrongs))

    def _violation(self, what: str) -> Violation:
        faults = self.injector.done[-_RECENT_FAULTS:]
        return Violation(
            f"round {self.tally.rounds + 1}: {what}",
            story(self._lab, self._cloud, faults, from_s=self._round_began_s),
        )

    # --- counting --------------------------------------------------------------------------

    def _take_stock(self) -> float:
        """Enter what is new into the tally; return when holder or MASTER last changed."""
        changes = self._lab.witness.changes()[self._changes_read :]
        requests = self._cloud.requests(after_seq=self._seq_read)
        holder_changes = self._cloud.holder_changes()
        evidence = Evidence(
            changes=changes,
            faults=self.injector.done[-_RECENT_FAULTS:],
            requests=requests,
            holder_changes=holder_changes,
            servers={node.name: node.server_id for node in self._lab.nodes},
            settled_s=self._round_began_s,
        )
        tally = self.tally
        tally.moves += moves(evidence, self._holders, self._settings.profile.horizon_s)
        tally.requests += len(requests)
        tally.assigns += sum(1 for one in requests if one.is_assign)
        self._changes_read += len(changes)
        self._seq_read = max((one.seq for one in requests), default=self._seq_read)
        self._weigh()
        return max(holder_changes[-1].at_s, changes[-1].at_s if changes else 0.0)

    def _weigh(self) -> None:
        age_s = time.monotonic() - self.began_s
        for node in self._lab.nodes:
            pid = node.hakeeper.pid
            seen = self.tally.vitals[node.name].setdefault(pid, [])
            seen.append(look_at(pid, age_s))
            grown = growth(seen, warm_up=_WARM_UP_LOOKS, rss_kib=_GROWTH_RSS_KIB, fds=_GROWTH_FDS)
            if grown is not None:
                raise self._violation(f"hakeeper of {node.name}: {grown}")
