"""A node that does nothing, and one look at what is due there."""

from hakeeper.core.calls import Request
from hakeeper.core.due.reconcile import reconcile
from hakeeper.core.model import Role
from hakeeper.core.state import State
from tests.core.standing import asked, kind_of, standing

NOW = 1000.0


def calm(count: int = 1, role: Role = Role.MASTER, *, can_query: bool = False) -> State:
    """A state in which nothing is due at NOW: the holders were listed just then."""
    state = standing(count, role, can_query=can_query)
    kind_of(state).listed_at_s, kind_of(state).is_listed = NOW, True
    state.schedule.query_at_s = NOW + 3.0
    return state


def step(state: State, now: float = NOW) -> tuple[list[Request], float | None]:
    """Return the calls that were started, and when it wants to be asked again."""
    state.effects = []
    wake_s = reconcile(state, now)
    return asked(state), wake_s
