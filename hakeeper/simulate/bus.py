"""keepalived's D-Bus service on one machine, and how long its answers take."""

from random import Random
from typing import TYPE_CHECKING

from hakeeper.core.events import RolesQueried
from hakeeper.core.model import Role
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.vrrp import VrrpState

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node, Run

ANSWERS_S = (0.001, 0.006)
"""From the question to the moment of which the answer speaks."""
HANDED_OVER_S = 0.0002
"""How long an answer is on its way at most."""
LATE_ANSWERS = 0.1
"""The part of the answers that the bus holds back, so that they are old when they come."""
LATEST_ANSWER_S = 3.0
ROLE_OF = {
    VrrpState.OFF: Role.STOPPED,
    VrrpState.BACKUP: Role.BACKUP,
    VrrpState.MASTER: Role.MASTER,
    VrrpState.FAULT: Role.FAULT,
}


class Bus:
    """The service as one node's hakeeper finds it."""

    def __init__(self, node: "Node", rng: Random, agenda: Agenda) -> None:
        """Answer this node, with its chance."""
        self._node = node
        self._rng = rng
        self._agenda = agenda

    def query(self, run: "Run", query_id: int) -> None:
        """Take a question of this run."""
        self._agenda.after(self._rng.uniform(*ANSWERS_S), self._answer, run, query_id)

    def _answer(self, run: "Run", query_id: int) -> None:
        node = self._node
        if node.run is not run:
            return
        roles: dict[str, Role] | None = None
        if node.keepalived.process is not None and not (node.keepalived.frozen or node.bus_gone):
            roles = {} if node.keepalived.forgets else self._roles()
        reason = "" if roles is not None else "no answer"
        late = self._rng.random() < LATE_ANSWERS
        delay_s = self._rng.uniform(0.0, LATEST_ANSWER_S if late else HANDED_OVER_S)
        waits = node.keepalived.hangs and not node.bus_gone
        answer = RolesQueried(query_id, roles, reason, waits)
        self._agenda.after(delay_s, self._deliver, run, answer)

    def _roles(self) -> dict[str, Role]:
        index = self._node.index
        return {n: ROLE_OF[vrrp.routers[index].state] for n, vrrp in self._node.vrrp.items()}

    def _deliver(self, run: "Run", answer: RolesQueried) -> None:
        if self._node.run is run:
            self._node.answered(answer)
