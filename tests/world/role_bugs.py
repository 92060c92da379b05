"""Bugs in what is made of keepalived: roles, the start, isolation."""

from hakeeper.core.model import Role
from hakeeper.core.roles.table import RoleEvent
from tests.world.bug import Bug
from tests.world.planting import Constant, Line, Row

_GUARD = "hakeeper.core.state:State._guard_mutation"
_FOLLOW = "hakeeper.core.keepalived.role_changes:_follow"
_DISPATCH = "hakeeper.core.core:Core._dispatch"
_TAKE_IN = "hakeeper.core.keepalived.listener:Listener.take_in"
_QUERY = "hakeeper.core.due.reconcile:_query_roles"
_M, _U, _B = Role.MASTER, Role.UNKNOWN, Role.BACKUP

ROLE_BUGS = (
    # --- whose turn it is
    Bug(
        "belief_unchecked",
        "neither the callers nor the last guard ask whether this node is MASTER",
        "sent_by_master",
        (
            Line(_FOLLOW, "if change.after is not Role.MASTER:", "if False:"),
            Line(_GUARD, "if not role_state.is_master:", "if False:"),
        ),
    ),
    Bug(
        "demotion_forgotten",
        "a demotion leaves the claim in its stage, and only the last guard stops it",
        "core_guard",
        (
            Line(
                "hakeeper.core.claim.rules:stop",
                "case _:\n            return Idle()",
                "case _:\n            return stage",
            ),
        ),
    ),
    Bug(
        "cancel_forgotten",
        "a demotion does not cancel the assign that waits to be sent",
        "sent_by_master",
        (
            Line(
                "hakeeper.core.keepalived.role_changes:follow_changes",
                "state.cancel_mutations(resources)",
                "pass",
            ),
        ),
        proves=True,
    ),
    Bug(
        "generation_ignored",
        "the result of an assign of an older term is taken for one of this term",
        "no_blind_resend",
        (
            Line(
                "hakeeper.core.answers.effects:current",
                "isinstance(resource.stage, MutateSent)"
                " and role_state.generation == call.generation",
                "role_state is not None",
            ),
        ),
        proves=True,
    ),
    Bug(
        "fault_is_master",
        "the table takes FAULT for MASTER where it was BACKUP",
        "last_line_decides",
        (Row(RoleEvent.LINE_FAULT, _B, _M),),
    ),
    Bug(
        "hint_unheard",
        "a MASTER that hears a lesser one does not look at the holder",
        "hint_heeded",
        (Row(RoleEvent.LINE_MASTER_RX_LOWER_PRI, _M, _M),),
        proves=True,
    ),
    Bug(
        "fault_is_backup",
        "the table takes FAULT for BACKUP where it was MASTER",
        "last_line_decides",
        (Row(RoleEvent.LINE_FAULT, _M, _B),),
        proves=True,
    ),
    Bug(
        "stop_ignored",
        "a MASTER that stops is still MASTER",
        "last_line_decides",
        (Row(RoleEvent.LINE_STOP, _M, _M),),
    ),
    Bug(
        "lower_master_ignored",
        "MASTER_RX_LOWER_PRI tells nothing to who missed the MASTER line",
        "last_line_decides",
        (Row(RoleEvent.LINE_MASTER_RX_LOWER_PRI, _U, _U),),
    ),
    Bug(
        "forgotten_is_doubted",
        "an instance that D-Bus does not know is one whose role is not known",
        "answer_states_role",
        (
            Line(
                "hakeeper.core.keepalived.listener:Listener._queried",
                "if event.roles:",
                "if event.roles is not None:",
            ),
            Line(
                "hakeeper.core.roles.book:RoleBook.answered",
                "[EVENT_OF_ANSWER[role]] for name, role in said.items() if role in EVENT_OF_ANSWER",
                "[EVENT_OF_ANSWER.get(role, RoleEvent.LOST)] for name, role in said.items()",
            ),
        ),
        proves=True,
    ),
    Bug(
        "first_line_decides",
        "of lines that come together the first one counts",
        "last_line_decides",
        (
            Line(
                "hakeeper.core.roles.book:RoleBook._apply",
                "for event in events:",
                "for event in events[:1]:",
            ),
        ),
    ),
    Bug(
        "group_is_instance",
        "the lines of groups are taken for lines of instances",
        "all_in_place",
        (
            Line(
                "hakeeper.core.roles.lines:parse_line",
                "VrrpId(VrrpKind(kind), name)",
                "VrrpId(VrrpKind.INSTANCE, name)",
            ),
        ),
        proves=True,
    ),
    Bug(
        "gone_ignored",
        "MASTER outlives the keepalived that said it",
        "doubt_is_believed",
        (Row(RoleEvent.GONE, _M, _M),),
        proves=True,
    ),
    Bug(
        "lost_ignored",
        "an overflow of the FIFO is passed over",
        "doubt_is_believed",
        (Line(_TAKE_IN, "self._lost(state, reason, now)", "pass"),),
    ),
    Bug(
        "failure_demotes",
        "a call that could not be sent is taken for a sign that keepalived is gone",
        "role_from_keepalived",
        (
            Line(
                _DISPATCH,
                "take_result(self._state, event, now)",
                "from hakeeper.core.keepalived.listener import RoleEvent, _doubt; "
                "take_result(self._state, event, now); "
                "event.sent_at_s is None and _doubt(self._state, RoleEvent.GONE, now)",
            ),
        ),
        proves=True,
    ),
    Bug(
        "reload_forgets_roles",
        "a reload begins with every role UNKNOWN",
        "role_from_keepalived",
        (
            Line(
                "hakeeper.core.roles.book:RoleBook.rename",
                "before.get(name, RoleState(since_s=now))",
                "RoleState(since_s=now)",
            ),
        ),
    ),
    Bug(
        "any_keepalived",
        "the saved roles are believed whichever keepalived runs",
        "role_survives",
        (
            Line(
                "hakeeper.core.core:Core._start",
                "and event.keepalived.same_run(saved.keepalived)",
                "",
            ),
        ),
        proves=True,
    ),
    Bug(
        "settled_too_soon",
        "lines leave the pipe before what they led to is written down",
        "repaired",
        (
            Line(
                "hakeeper.sequencer:Sequencer._act_on",
                "self.feed(*found)",
                "self.fifo.settle(); self.feed(*found)",
            ),
        ),
        proves=True,
    ),
    Bug(
        "old_answer_believed",
        "keepalived's answer counts over a line that came after the question",
        "sent_by_master",
        (
            Line(
                "hakeeper.core.roles.book:RoleBook.answered",
                "and role_state.heard_at_s < asked_at_s",
                "",
            ),
        ),
    ),
    Bug(
        "never_asked",
        "keepalived is never asked for its state",
        "repaired",
        (Line(_QUERY, "if not state.settings.can_query:", "if True:"),),
    ),
    Bug(
        "asked_once",
        "keepalived is asked when something happened, but not again and again",
        "repaired",
        (
            Line(
                _QUERY,
                "state.settings.interval_s if reads_lines else QUERY_SPACING_S",
                "1e9",
            ),
        ),
    ),
    # --- the start
    Bug(
        "answer_is_live",
        "keepalived's answer is acted upon without a look at the holder",
        "backlog_claims_nothing",
        (
            Line(
                "hakeeper.core.roles.book:RoleBook.answered",
                "return self._apply_all(events, now, live=False)",
                "return self._apply_all(events, now, live=True)",
            ),
        ),
        proves=True,
    ),
    # --- isolation
    Bug(
        "isolation_guard_ignored",
        "a keepalived without its private address is believed",
        "isolated_claims_nothing",
        (
            Line(
                "hakeeper.core.keepalived.isolation:check_isolation",
                "if role_state.missing and not role_state.isolated:",
                "if False:",
            ),
        ),
        proves=True,
    ),
    Bug(
        "hearing_at_once",
        "the word MASTER counts as soon as the private address is back",
        "isolated_claims_nothing",
        (Constant("hakeeper.core.keepalived.isolation:TRUST_AFTER_S", 0.0),),
    ),
    Bug(
        "isolated_for_ever",
        "isolation has no end",
        "repaired",
        (
            Line(
                "hakeeper.core.due.reconcile:_end_isolation",
                "and not role_state.missing",
                "and False",
            ),
        ),
    ),
)
