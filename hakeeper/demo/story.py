"""The story: normal operation, a power cut, the return, and an outage of the API in between.

One thread does everything: it starts and kills processes (which die with the thread that started
them), and shows what has happened while it waits.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hakeeper.core.model import Role
from hakeeper.demo.chronicle import POWER, Chronicle, TimelineEntry
from hakeeper.demo.cloud import Fault
from hakeeper.demo.history import (
    ADDRESS,
    ALIAS,
    Act,
    Checkpoint,
    History,
    PowerCut,
    Span,
    shown,
)
from hakeeper.demo.interrupts import Interrupts
from hakeeper.demo.lab import LabError
from hakeeper.demo.screen import Screen
from hakeeper.demo.stage import FOREIGN, Stage

ANSWER_S, ACTION_S = 0.05, 0.3
"""Invented figures: how long the simulated API takes to answer and to move an address."""
OUTAGE_S = 5.0
ACTS = 4
_POLL_S = 0.02
_LIMIT_S = 20.0
_READING_S, _LOOKING_S = 2.5, 3.0
_LATENCY = Fault(delay_s=ANSWER_S / 2, answer_delay_s=ANSWER_S / 2)
_OUTAGE = Fault(status=503, code="unavailable", message="service unavailable", delay_s=ANSWER_S)
_READY = frozenset({"fifo.opened", "server.identified", "address.resolved"})


class StoryError(Exception):
    """An expected event did not happen."""


@dataclass(frozen=True, slots=True)
class _Begun:
    title: str
    heir: str
    running: tuple[str, ...]


class Story:
    """Plays the acts on a stage, and records what is needed to check them."""

    def __init__(
        self, stage: Stage, screen: Screen, interrupts: Interrupts, *, pauses: bool = True
    ) -> None:
        self._stage = stage
        self._cloud = stage.cloud
        self._screen = screen
        self._interrupts = interrupts
        self._pauses = pauses
        self._chronicle = Chronicle(stage)
        self._started_s = time.monotonic()
        self._shown_s = 0.0
        self._acts: list[Act] = []
        self._cuts: dict[str, float] = {}
        self._power_cuts: list[PowerCut] = []
        self._outages: list[Span] = []
        self._failure: str | None = None
        self._fault = self._cloud.fault(_LATENCY)

    def play(self) -> None:
        """Play it; a failure ends it, and is recorded in the history. Raises Interrupted."""
        try:
            self._normal_operation()
            self._power_cut()
            self._return()
            self._outage()
        except (StoryError, LabError) as error:
            self._failure = str(error)
        self._show(all_of_it=True)

    def history(self) -> History:
        """Return everything that has happened so far."""
        now = time.monotonic()
        still_dead = [PowerCut(node, Span(at_s, now)) for node, at_s in self._cuts.items()]
        floating_ip = self._stage.floating_ip
        return History(
            span=Span(self._started_s, now),
            servers={server.node: server.server_id for server in self._stage.servers},
            address=ADDRESS,
            alias=ALIAS,
            acts=tuple(self._acts),
            acts_planned=ACTS,
            roles=self._stage.roles(),
            holder_changes=tuple(self._cloud.holder_changes(floating_ip)),
            alias_changes=tuple(self._cloud.alias_changes(self._stage.network)),
            foreign=FOREIGN,
            requests=tuple(self._cloud.requests()),
            said=tuple(self._chronicle.said),
            power_cuts=(*self._power_cuts, *still_dead),
            outages=tuple(self._outages),
            failure=self._failure,
        )

    # --- the acts --------------------------------------------------------------------------

    def _normal_operation(self) -> None:
        begun = _Begun("1. Normal operation", "a", ("a", "b"))
        self._say(
            begun.title,
            "Both servers start. web-a has the higher priority, so VRRP makes it master. At "
            "Hetzner that alone moves nothing: only an API call moves an address. "
            "hakeeper on web-a makes one for each address, and checks that it worked.",
        )
        self._hold(_READING_S)
        for server in self._stage.servers:
            server.hakeeper.start(ready=False)
        self._wait_ready("a", "b")
        with self._act(begun, "keepalived starts"):
            self._stage.start_keepalived()
            self._wait_for_claim("a")
            self._note(
                "web-a is master and has both addresses. From now on its hakeeper reads the "
                "holders every 5 s, and logs nothing while they are right."
            )
            self._hold(_LOOKING_S)

    def _power_cut(self) -> None:
        begun = _Begun("2. The master loses its power", "b", ("b",))
        self._say(
            begun.title,
            "kill -9 for everything on web-a. It cannot say goodbye, and the addresses still "
            "lead to the dead server until hakeeper on web-b has moved them. The alias IP takes "
            "two API calls with an action each, off web-a's list and onto web-b's: between them "
            "nobody has it.",
        )
        self._hold(_READING_S)
        with self._act(begun, "power cut"):
            self._cut_power("a")
            self._wait_for_claim("b")
            self._hold(_LOOKING_S)

    def _return(self) -> None:
        begun = _Begun("3. It comes back", "a", ("a", "b"))
        self._say(
            begun.title,
            "web-a starts again and, with the higher priority, becomes master again. web-b, "
            "demoted, does nothing: only a new master acts, so the two can never undo "
            "each other's work. Meanwhile no address leads to a dead server.",
        )
        self._hold(_READING_S)
        with self._act(begun, "power back"):
            self._chronicle.add("a", POWER, "is back; the server starts")
            self._power_cuts.append(PowerCut("a", Span(self._cuts.pop("a"), time.monotonic())))
            self._stage.server("a").hakeeper.start(ready=False)
            self._wait_ready("a")
            self._stage.power_up("a")
            self._wait_for_claim("a")
            self._hold(_LOOKING_S)

    def _outage(self) -> None:
        begun = _Begun("4. A failover while the API is down", "b", ("b",))
        self._say(
            begun.title,
            "The worst moment: Hetzner's API answers 503 to everything, and web-a loses its "
            "power. A notify script would try once, fail, and wake somebody up. hakeeper keeps "
            "trying, with growing pauses, and logs the failure once.",
        )
        self._hold(_READING_S)
        began_s = time.monotonic()
        self._change_fault(_OUTAGE)
        self._chronicle.add("cloud", "API", "is down: 503 to everything", "bad")
        with self._act(begun, "power cut"):
            self._cut_power("a")
            self._wait(lambda: self._is_master("b"), "web-b to become master")
            self._hold(OUTAGE_S, always=True)
            self._change_fault(_LATENCY)
            self._outages.append(Span(began_s, time.monotonic()))
            self._chronicle.add("cloud", "API", "works again; hakeeper is not told", "good")
            self._wait_for_claim("b")
            self._hold(_LOOKING_S)

    @contextmanager
    def _act(self, begun: _Begun, trigger: str) -> Iterator[None]:
        """Record the act, with the state at its end if it gets there."""
        trigger_s = time.monotonic()
        checkpoint = None
        try:
            yield
            checkpoint = self._checkpoint()
        finally:
            self._acts.append(
                Act(
                    title=begun.title,
                    heir=begun.heir,
                    running=begun.running,
                    trigger=trigger,
                    trigger_s=trigger_s,
                    checkpoint=checkpoint,
                )
            )

    def _checkpoint(self) -> Checkpoint:
        running = tuple(each.node for each in self._stage.servers if each.hakeeper.running)
        masters = self._stage.masters()
        return Checkpoint(time.monotonic(), self._holders(), masters, running)

    def _holders(self) -> dict[str, str | None]:
        """Return who has which address now, according to the cloud."""
        names = {server.server_id: server.node for server in self._stage.servers}
        floating = self._cloud.holder(self._stage.floating_ip)
        alias = self._cloud.aliases(self._stage.network).get(ALIAS)
        return {ADDRESS: names.get(floating or 0), ALIAS: names.get(alias or 0)}

    def _cut_power(self, node: str) -> None:
        self._chronicle.add(node, POWER, f"is cut: {self._stage.power_cut}", "bad")
        self._cuts[node] = time.monotonic()
        self._stage.cut_power(node)

    def _change_fault(self, fault: Fault) -> None:
        """Replace the current fault by another one, without a gap."""
        before, self._fault = self._fault, self._cloud.fault(fault)
        self._cloud.clear(before)

    # --- waiting, and showing meanwhile ----------------------------------------------------

    def _wait_ready(self, *nodes: str) -> None:
        pids = {node: self._stage.server(node).hakeeper.pid for node in nodes}

        def ready() -> bool:
            return all(
                {each.event for each in self._chronicle.said if each.pid == pid} >= _READY
                for pid in pids.values()
            )

        self._wait(ready, "hakeeper to start")

    def _wait_for_claim(self, node: str) -> None:
        """Wait until the node has both addresses in the cloud and has confirmed it."""
        pid = self._stage.server(node).hakeeper.pid
        seen = self._claims_of(pid)

        def claimed() -> bool:
            claims = self._claims_of(pid)
            return set(self._holders().values()) == {node} and all(
                claims[address] > seen[address] for address in (ADDRESS, ALIAS)
            )

        self._wait(claimed, f"{shown(node)} to have the addresses, and to confirm it")

    def _is_master(self, node: str) -> bool:
        roles = [each.role for each in self._stage.roles() if each.node == node]
        return roles[-1:] == [Role.MASTER]

    def _claims_of(self, pid: int) -> Counter[str]:
        """Return how often a hakeeper has confirmed that it has each address."""
        return Counter(
            str(each.fields.get("address"))
            for each in self._chronicle.said
            if each.pid == pid and each.event == "address.claimed"
        )

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        limit_s = time.monotonic() + _LIMIT_S
        while not condition():
            if time.monotonic() >= limit_s:
                raise StoryError(f"waited {_LIMIT_S:.0f} s for {what}")
            self._turn()

    def _hold(self, duration_s: float, *, always: bool = False) -> None:
        """Wait, for the viewer to read or for the story to go on."""
        until_s = time.monotonic() + (duration_s if self._pauses or always else 0)
        while time.monotonic() < until_s:
            self._turn()

    def _turn(self) -> None:
        self._interrupts.check()
        self._stage.turn()
        self._show()
        time.sleep(_POLL_S)

    def _say(self, title: str, text: str) -> None:
        self._show(all_of_it=True)
        self._screen.title(title)
        self._screen.paragraph(text)
        self._screen.line()

    def _note(self, text: str) -> None:
        self._show(all_of_it=True)
        self._screen.paragraph(text, "dim", " " * 9)

    def _show(self, *, all_of_it: bool = False) -> None:
        for entry in self._chronicle.take(all_of_it=all_of_it):
            self._show_one(entry)

    def _show_one(self, entry: TimelineEntry) -> None:
        self._shown_s = max(self._shown_s, entry.at_s - self._started_s)
        where = entry.where
        self._screen.columns(
            (
                (f"{self._shown_s:6.2f}", 8, "dim"),
                ("cloud" if where == "cloud" else shown(where), 7, where),
                (entry.who, 11, ""),
            ),
            entry.text,
            entry.style,
        )
