"""Rules about step-downs: each is done or taken back in time, is what it says, and ends."""

from hakeeper.cloud_register import Move
from hakeeper.core.model import StepDown, StepDownStage
from hakeeper.core.operator.step_down import CLAIM_S, YIELD_S
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.verdicts import Demand

ACTS_S = 1.0
"""What is due at a step-down is done within this."""
LAG_S = 400.0
"""Reads may be as old as this, while the API lags."""
LIMITS_S = {StepDownStage.AWAITING_MASTER: YIELD_S, StepDownStage.AWAITING_CLAIM: CLAIM_S}


class StepDownRules(Observer):
    """The rules."""

    def __init__(self, agenda: Agenda, clouds: Clouds, demand: Demand) -> None:
        """Begin with none."""
        self._agenda = agenda
        self._clouds = clouds
        self._demand = demand
        self._latest: dict[int, StepDown | None] = {}
        """By node."""
        self._left_at_s: dict[object, float] = {}
        """By address: when its holder last changed."""

    def moved(self, move: Move) -> None:
        """Note when addresses change hands, in truth."""
        self._left_at_s[move.resource] = self._agenda.now

    def step_down_changed(self, node: Node, step_down: StepDown | None) -> None:
        """Judge what it says, and come back when the next thing is due."""
        before = self._latest.get(node.index)
        self._latest[node.index] = step_down
        if step_down is None:
            return
        if before is not None and before.claimed_s is None and step_down.claimed_s is not None:
            self._check_claimed(node, step_down)
        self._agenda.after(ACTS_S, self._look, node, step_down)

    def _check_claimed(self, node: Node, step_down: StepDown) -> None:
        for resource in node.core.state.resources.values():
            if resource.vrrp not in step_down.vrrps or resource.observation is None:
                continue
            fip = number_of(resource.observation.id)
            cloud = self._clouds.of(fip)
            moved = self._agenda.now - self._left_at_s.get(fip, float("-inf")) < LAG_S
            text = "ip-{} is here, and the step-down says that others have it"
            good = moved or cloud.holder(fip) != node.server_id
            self._demand("step_down_is_true", node.index, good, text, fip)

    def _look(self, node: Node, step_down: StepDown) -> None:
        """Look whether something about this very stage of it is overdue."""
        if self._latest.get(node.index) is not step_down or not node.step_downs.is_lowered:
            return
        run, now = node.run, node.clock()
        awake_s = -1.0
        if run is not None and not node.hung:
            awake_s = self._agenda.now - max(run.began_at, node.last_hang_s[1])
        if awake_s >= ACTS_S:
            over = now < step_down.until_s + ACTS_S
            self._demand("step_down_ends", node.index, over, "a step-down goes on after its end")
            limit_s = LIMITS_S.get(step_down.stage)
            if limit_s is not None and not self._slower(node, step_down):
                since_s = step_down.yielded_s or step_down.since_s
                good = now < since_s + limit_s + ACTS_S
                text = "a step-down waits for more than {:.0f} s"
                self._demand("step_down_is_taken_back", node.index, good, text, limit_s)
            if now >= step_down.until_s + ACTS_S:
                return
        self._agenda.after(ACTS_S, self._look, node, step_down)

    @staticmethod
    def _slower(node: Node, step_down: StepDown) -> bool:
        """Say whether an API may take its time to claim."""
        state = node.core.state
        ours = [each for each in state.resources.values() if each.vrrp in step_down.vrrps]
        return any(each.patience.alarm_after_s > CLAIM_S for each in ours)
