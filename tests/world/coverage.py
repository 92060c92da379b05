"""What must happen in enough worlds: each cell of the role table, each word of the journal."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.core.claim.table import TABLE as CLAIM_TABLE
from hakeeper.core.events import (
    Event,
    KeepalivedGone,
    LinesLost,
    LinesRead,
    RolesQueried,
    Started,
)
from hakeeper.core.model import ProcessId, Role, SavedState, VrrpId, VrrpKind
from hakeeper.core.roles.table import (
    EVENT_OF_ANSWER,
    EVENT_OF_LINE,
    EVENT_OF_RESTORED,
    TABLE,
    RoleEvent,
)
from hakeeper.core.state import State

LINES_COUNTED = 64
"""Of a batch, the last ones: a storm of ten thousand would count for nothing else."""

NOT_IN_A_WORLD = {
    "address.blocked": "the world blocks no address",
    "address.zone_mismatch": "the world has one network zone",
    "address.selected": "no world has a selector",
    "address.deselected": "no world has a selector",
    "address.chosen_twice": "no world has a selector",
    "selector.empty": "no world has a selector",
    "selector.broad": "no world has a selector",
    "config.reloaded": "the shell says it",
    "config.rejected": "the shell says it",
    "config.warning": "the shell says it",
    "state.failed": "the shell says it",
    "control.failed": "the shell says it",
    "control.recovered": "the shell says it",
    "watch.failed": "the shell says it",
    "recording.failed": "the shell says it",
    "notify.failed": "the shell says it",
    "pause.failed": "the shell says it",
    "step_down.file_failed": "the shell says it",
    "history.failed": "the shell says it",
    "hook.unsent": "the shell says it",
    "hook.output": "the service of the hooks says it",
    "hook.ended": "the service of the hooks says it",
    "hook.failed": "the service of the hooks says it",
    "hook.dropped": "the service of the hooks says it",
    "daemon.started": "the shell says it",
    "daemon.stopped": "the shell says it",
    "daemon.failed": "the shell says it",
    "log.dropped": "the shell says it",
    "library.warned": "the shell says it",
    "status.ok": "the shell says it",
    "status.degraded": "the shell says it",
    "status.broken": "the shell says it",
}
"""Words of the journal that no world can lead to, and why; tests of the core and the daemon do."""


def out_of_reach(event: RoleEvent, role: Role) -> str | None:
    """Say why no story takes this cell of the role table; None if some must."""
    if event in EVENT_OF_RESTORED.values() and role is not Role.UNKNOWN:
        return "the state file is read once, before anything else was heard"
    if event is RoleEvent.ANSWER_STOPPED:
        return "keepalived leaves the bus in the moment in which it stops"
    if event is RoleEvent.REPLACED and role is Role.STOPPED:
        return "the first line of its successor is heard before its end is seen"
    return None


def not_taken(transitions: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Yield the cells of the role table that stories can take, and none took."""
    for event in RoleEvent:
        for role in Role:
            if not transitions.get((event.value, role.value)) and out_of_reach(event, role) is None:
                yield f"{event.value} was never heard as {role.value}"


NOT_MADE = {
    ("LostTrack", "in", "MutateSent"): "no other floating IP gets the name of one",
    ("Hinted", "to", "Verify"): "an older assign is lost and keepalived hangs, both at once",
    ("HolderDown", "to", "Verify"): "the same, and the holder goes off",
}
"""Of the claim table, what no world shows, and what it takes; tests of the core do."""


OF_TWO_STEPS = frozenset({("Seen", "to", "Verify"), ("Failed", "in", "MutateDue")})
"""What only a kind shows that reads before each step, or that may refuse a step itself."""


def not_moved(
    moves: Mapping[tuple[str, str, str], int], exempt: Container[tuple[str, str, str]] = NOT_MADE
) -> Iterator[str]:
    """Yield what the lines of the claim table declare, and no world showed.

    A line is a rule of something that happens: in each of its stages, and to each next one.
    """
    for what, cells in CLAIM_TABLE.items():
        name = what.__name__
        made = [move for move, count in moves.items() if count and move[0] == name]
        for stage in cells:
            seen = stage.__name__ in {before for _, before, _ in made}
            if not seen and (name, "in", stage.__name__) not in exempt:
                yield f"{name} never happened in {stage.__name__}"
        for rule in dict.fromkeys(cell.rule for cell in cells.values()):
            line = {stage.__name__: cell for stage, cell in cells.items() if cell.rule is rule}
            reached = {after for _, before, after in made if before in line}
            declared = {to.__name__ for cell in line.values() for to in cell.to}
            for to in sorted(declared - reached):
                if (name, "to", to) not in exempt:
                    yield f"{name} in {' or '.join(line)} never led to {to}"


def not_reported(reports: Counter[str]) -> Iterator[str]:
    """Yield the words of the journal that worlds can lead to, and none did."""
    for event in EVENTS:
        if not reports[event] and event not in NOT_IN_A_WORLD:
            yield f"{event} was never reported"


def cells(state: State, event: Event) -> Iterator[tuple[RoleEvent, Role]]:
    """Yield the cells of the role table that the core will take for this event."""
    role_states = state.roles.role_states
    match event:
        case LinesRead():
            yield from _cells_of_lines(state, event)
        case RolesQueried(query_id, roles) if roles is not None:
            asked = state.query_asked
            for name, role_state in role_states.items():
                said = EVENT_OF_ANSWER.get(roles.get(name.name, Role.UNKNOWN))
                if (
                    asked is not None
                    and asked[0] == query_id
                    and name.kind is VrrpKind.INSTANCE
                    and said is not None
                    and role_state.heard_at_s < asked[1]
                ):
                    yield said, role_state.role
        case Started(saved=SavedState() as saved, keepalived=ProcessId() as process):
            if saved.keepalived is not None and process.same_run(saved.keepalived):
                yield from _cells_of_file(state, saved.roles)
        case KeepalivedGone(_, replaced):
            for role_state in role_states.values():
                yield RoleEvent.REPLACED if replaced else RoleEvent.GONE, role_state.role
        case LinesLost():
            for role_state in role_states.values():
                yield RoleEvent.LOST, role_state.role
        case _:
            pass


def _cells_of_lines(state: State, event: LinesRead) -> Iterator[tuple[RoleEvent, Role]]:
    roles = {name: role_state.role for name, role_state in state.roles.role_states.items()}
    for line in event.lines[-LINES_COUNTED:]:
        role = roles.get(line.vrrp)
        if role is not None:
            said = EVENT_OF_LINE[line.state]
            yield said, role
            roles[line.vrrp] = TABLE[said][role].role


def _cells_of_file(state: State, saved: Mapping[VrrpId, Role]) -> Iterator[tuple[RoleEvent, Role]]:
    for name, role_state in state.roles.role_states.items():
        said = EVENT_OF_RESTORED.get(saved.get(name, Role.UNKNOWN))
        if said is not None:
            yield said, role_state.role
