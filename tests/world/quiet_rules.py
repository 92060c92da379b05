"""The judgement at the end: all addresses are where they belong, and then nothing happens."""

from collections import Counter
from collections.abc import Collection, Sequence

from hakeeper.adapters.journal.wording import entry_of
from hakeeper.adapters.problem_texts import told
from hakeeper.core.calls import ReadAll, ReadServer
from hakeeper.core.due.reconcile import OTHERS_INTERVAL_S
from hakeeper.core.events import Report, StartCall
from hakeeper.core.keepalived.listener import NAMES_REPORTED
from hakeeper.core.model import VrrpKind
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.due_times import due_times
from hakeeper.simulate.node import Node, Run
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.verdicts import Demand

NAMES_LIMIT = NAMES_REPORTED
"""The core may remember so many unknown names."""
SMALL = 32
"""Calls, codes and answers that are remembered at rest."""

LEFT_OVER = ("address.disputed", "quota.low")
"""True at rest as well: the other one may come again, and a spent quota fills up slowly."""

OF_ANOTHER = ("address.left_here", "address.nowhere")
"""What a node rightly says while another one, the master, has not its address."""


class QuietRules(Observer):
    """The rules; from `healed` on it listens."""

    def __init__(
        self,
        agenda: Agenda,
        nodes: Sequence[Node],
        clouds: Clouds,
        unserved: Collection[int],
        demand: Demand,
    ) -> None:
        """Begin before the faults are over; `unserved` are masters without their addresses."""
        twins = clouds.twins.items()
        self._idle_s = {n: due_times(t.kind.api, t.nature).idle_s for n, t in twins}
        """How often each kind may be read at most, whatever the configuration says."""
        self._agenda = agenda
        self._nodes = nodes
        self._unserved = unserved
        self._demand = demand
        self._since: float | None = None
        self._calls: Counter[tuple[int, str]] = Counter()
        self._lists: Counter[tuple[int, str]] = Counter()
        """By node and kind, in parts or whole."""
        self._reports: list[str] = []

    # --- what happens ------------------------------------------------------------------------

    def handled(self, node: Node, batch: Batch) -> None:
        """Hear of calls, and of words for the journal."""
        if self._since is None:
            return
        for effect in batch.effects:
            if isinstance(effect, StartCall):
                request = effect.request
                self._calls[node.index, type(request).__name__] += 1
                if isinstance(request, ReadAll):
                    self._lists[node.index, request.kind] += 1
            elif isinstance(effect, Report):
                entry = entry_of(effect)
                self._reports.append(f"node {node.index + 1}: {entry.event}: {entry.message}")

    # --- the judgement -----------------------------------------------------------------------

    def healed(self) -> None:
        """All faults are over for long enough."""
        for node in self._nodes:
            if node.run is not None:
                self._judge_memory(node, node.run)
        self._since = self._agenda.now

    def _judge_memory(self, node: Node, run: Run) -> None:
        state, names = run.core.state, run.core.names_reported
        self._demand("bounded_memory", node.index, names <= NAMES_LIMIT, "{} names", names)
        codes = [len(api.health.reported) for api in state.apis.apis.values()]
        sizes = (len(state.calls), *codes, len(run.inbox))
        small = max(sizes) <= SMALL
        self._demand("bounded_memory", node.index, small, "{} of calls, codes, inbox", sizes)

    def rested(self) -> None:
        """Since then: reads at their intervals, nothing else, no word, and all healthy."""
        if self._since is None:
            return
        text = "; ".join(self._reports[:3])
        self._demand("quiet", None, not self._reports, "reported at rest: {}", text)
        lasted_s = self._agenda.now - self._since
        for node in self._nodes:
            if node.run is not None:
                self._judge_node(node, node.run, lasted_s)

    def _judge_node(self, node: Node, run: Run, lasted_s: float) -> None:
        index, demand, settings = node.index, self._demand, node.settings
        lists = self._calls[index, ReadAll.__name__]
        servers = self._calls[index, ReadServer.__name__]
        seldom = len(self._nodes) * (int(lasted_s / OTHERS_INTERVAL_S) + 1)
        others = sum(n for (i, _), n in self._calls.items() if i == index) - lists - servers
        unserved = index in self._unserved  # which other rules tell of
        for name, kind in run.core.state.apis.kinds.items() if not unserved else ():
            master, listed = run.core.state.any_master(kind), self._lists[index, name]
            interval_s = settings.interval_s if master else settings.standby_interval_s
            limit = int(lasted_s / max(interval_s, self._idle_s[name])) + 1
            demand("quiet", index, listed <= limit, "{} lists, not {}", listed, limit)
            demand("quiet", index, servers <= seldom, "{} looks at other servers", servers)
            demand("quiet", index, others == 0, "{} other calls at rest", others)
            demand("quiet", index, listed >= 1, "no look at all")
        picture = snapshot_of(run.core, node.clock())
        left_over = LEFT_OVER if unserved or not self._unserved else (*LEFT_OVER, *OF_ANOTHER)
        groups = any(vrrp.id.kind is VrrpKind.GROUP for vrrp in node.vrrp.values())
        if groups or not node.can_learn_roles:
            left_over = (*left_over, "role.doubtful")  # nobody can be asked
        troubles = [one for one in picture.problems if one.code not in left_over]
        problems = "; ".join(told(problem.trouble).what for problem in troubles)
        honest = bool(troubles) is unserved
        demand("healthy", index, honest, "{}", problems or "a wrong is passed over")
