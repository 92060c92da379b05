"""Bugs in what many addresses, or many nodes, share."""

from hakeeper.simulate.faults.kinds import Kind
from tests.world.bug import Bug
from tests.world.planting import Constant, Line

SHARING_BUGS = (
    # --- what many share
    Bug(
        "nothing_spent",
        "the budget does not count what was spent",
        "hour_budget",
        (
            Line(
                "hakeeper.core.apis.budget:Budget.spend",
                "self.spent = self.full - self.left(now) + cost",
                "pass",
            ),
        ),
        proves=True,
        needs=Kind.SOME_LOCKED,
    ),
    Bug(
        "refused_first",
        "what was refused last goes first",
        "starves_nobody",
        (
            Line(
                "hakeeper.core.due.steps:_turn",
                "return stage.claim.refused_at_s,",
                "return -stage.claim.refused_at_s,",
            ),
        ),
        proves=True,
        needs=Kind.SOME_LOCKED,
    ),
    Bug(
        "silence_ends_claims",
        "a claim is given up when keepalived does not answer",
        "claim_kept",
        (
            Line(
                "hakeeper.core.keepalived.listener:Listener._queried",
                "if event.waits:",
                "from hakeeper.core.claim.happenings import Demoted\n"
                "    for one in () if event.roles else state.resources.values():\n"
                "        state.happened(one, Demoted('silence'), now)\n"
                "    if event.waits:",
            ),
        ),
        proves=True,
        needs=Kind.BUS_GONE,
    ),
    Bug(
        "metadata_believed",
        "a server that has no address of this machine is taken for this one",
        "own_target",
        (Line("hakeeper.core.answers.results:_checked", "or outcome.is_here", "or True"),),
        needs=Kind.WRONG_METADATA,
    ),
    Bug(
        "short_turns",
        "no hold-down is longer than two minutes",
        "split_bounded",
        (Constant("hakeeper.core.limits.splitbrain:_LONG_S", 120.0),),
    ),
    Bug(
        "short_dispute",
        "a dispute is forgotten after five minutes",
        "split_bounded",
        (Constant("hakeeper.core.limits.splitbrain:MEMORY_S", 300.0),),
    ),
    Bug(
        "hold_down_for_ever",
        "a hold-down has no end",
        "hold_down_ends",
        (
            Line(
                "hakeeper.core.claim.rules:_hold_down",
                "return HoldDown(now + wait_s, look_at_s=now)",
                "return HoldDown(now + 1e9, look_at_s=now)",
            ),
        ),
        proves=True,
    ),
    Bug(
        "turn_missed",
        "the end of a hold-down ends the claim",
        "all_in_place",
        (
            Line(
                "hakeeper.core.claim.rules:try_again",
                "if contested and isinstance(stage, Verify)",
                "return Idle()\n    if False",
            ),
        ),
    ),
    Bug(
        "every_hint_heeded",
        "every MASTER_RX_LOWER_PRI leads to a reading",
        "call_budget",
        (
            Line(
                "hakeeper.core.limits.pace:Hints.looks",
                "now < self.looked_at_s + self.gap_s",
                "False",
            ),
        ),
    ),
    Bug(
        "holder_asked_often",
        "the holder's server is asked for ten times a second",
        "call_budget",
        (Constant("hakeeper.core.due.reconcile:HOLDER_LOOK_S", 0.1),),
    ),
)
