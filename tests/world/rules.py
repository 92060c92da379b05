"""The rules by name; planted bugs show that each can fail.

A rule that was never evaluated proves nothing.
"""

from collections.abc import Sequence

from hakeeper.core.kind import Kind
from hakeeper.kinds import alias_ip, failover_ip

RULES = (
    "core_guard",
    "sent_by_master",
    "isolated_claims_nothing",
    "paused_sends_nothing",
    "pause_ends_at_once",
    "step_down_ends",
    "step_down_is_taken_back",
    "step_down_is_true",
    "take_acts",
    "taken_by_master",
    "hung_takes_nothing",
    "hang_is_reported",
    "own_target",
    "one_at_a_time",
    "no_blind_resend",
    "read_back",
    "two_reads_decide",
    "lost_in_truth",
    "patience",
    "hint_heeded",
    "token_reread",
    "role_survives",
    "role_from_keepalived",
    "last_line_decides",
    "answer_states_role",
    "doubt_is_believed",
    "backlog_claims_nothing",
    "sent_first",
    "written_at_last",
    "heeds_429",
    "future_ticks",
    "spacing",
    "max_parallel",
    "not_needless",
    "call_budget",
    "hour_budget",
    "bounded_memory",
    "claim_kept",
    "moves_by_table",
    "repaired",
    "starves_nobody",
    "hold_down_earned",
    "hold_down_ends",
    "split_bounded",
    "all_in_place",
    "quiet",
    "healthy",
)
"""Of all worlds."""

OF_TWO_STEPS = ("no_gap",)
"""Of worlds with a kind that has to be taken from its holder first."""

OF_ALIAS_IPS = (
    *OF_TWO_STEPS,
    "others_kept",
    "own_lists_only",
    "one_write_per_list",
    "read_right_before",
    "undoes_nothing",
    "obstacle_releases_nothing",
    "moves_together",
)
"""Of worlds with alias IPs."""

NOT_OF_ALIAS_IPS = ("starves_nobody",)
"""There no single resource is refused while others are served."""


OF_FAILOVER_IPS = (
    "switches_an_hour",
    "reads_an_hour",
    "login_waits",
    "never_blocked",
    "moving_waits",
    "own_main_ip",
)
"""Of worlds with failover IPs."""

NOT_OF_FAILOVER_IPS = ("hour_budget", "patience")
"""Robot has other quotas for reads and switches, and no actions to ask for."""

OF_SEVERAL_APIS = ("apis_apart",)
"""Of worlds with several APIs."""

OF_SEVERAL = (
    "kinds_apart",
    "each_kind_begins",
    "all_kinds_follow",
)
"""Of worlds with several kinds."""

ALL_RULES = (*RULES, *OF_ALIAS_IPS, *OF_FAILOVER_IPS, *OF_SEVERAL_APIS, *OF_SEVERAL)


def rules_of(kinds: Sequence[Kind]) -> tuple[str, ...]:
    """Return the rules that are put to the test in worlds with resources of these kinds."""
    names = {kind.name for kind in kinds}
    without = {alias_ip.NAME: NOT_OF_ALIAS_IPS, failover_ip.NAME: NOT_OF_FAILOVER_IPS}
    lacking = without.get(next(iter(names)), ()) if len(names) == 1 else ()
    rules = [rule for rule in RULES if rule not in lacking]
    if alias_ip.NAME in names:
        rules += OF_ALIAS_IPS
    elif any(kind.releases_first for kind in kinds):
        rules += OF_TWO_STEPS
    if failover_ip.NAME in names:
        rules += OF_FAILOVER_IPS
    if len({kind.api.name for kind in kinds}) > 1:
        rules += OF_SEVERAL_APIS
    return (*rules, *OF_SEVERAL) if len(names) > 1 else tuple(rules)
