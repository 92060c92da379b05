"""Bugs to plant that show in worlds with failover IPs: quotas, logins, and moves of a minute.

See `bugs.py`, which has those of all worlds.
"""

from functools import partial

from hakeeper.kinds import FAILOVER_IPS
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.twins import ALL
from tests.world.bug import Bug
from tests.world.planting import Line

_robot_bug = partial(Bug, kind=FAILOVER_IPS.name)

_PAY = "hakeeper.core.state:State._pay"
_SERVE = "hakeeper.core.due.reconcile:_serve"
_CAREFUL = "hakeeper.core.due.reconcile:_must_wait"
_OBSERVE = "hakeeper.core.answers.results:_observe"
_REQUEST = "hakeeper.kinds.failover_ip:FailoverIps.request_of"
_NEXT = "hakeeper.kinds.failover_ip:FailoverIps.next_step"
_ACCEPTED = "hakeeper.core.claim.step_rules:accepted"

FAILOVER_BUGS = (
    # --- what Robot grants
    _robot_bug(
        "edges_for_nothing",
        "what a new master switches costs nothing",
        "switches_an_hour",
        (
            Line(
                "hakeeper.core.state:State.start",
                "if api.goes_out(request):",
                "if api.goes_out(request) and not any(r.favoured for r in resources):",
            ),
            Line("hakeeper.core.claim.resource:Resource.edge", "self.edges.takes(now)", "True"),
        ),
        proves=True,
    ),
    _robot_bug(
        "switches_uncounted",
        "switches are paid from no budget",
        "switches_an_hour",
        (Line(_PAY, "api.steps.spend(now)", "pass"),),
    ),
    _robot_bug(
        "reads_of_the_cloud",
        "holders are read as often as Hetzner Cloud lets them be, and lists cost nothing",
        "reads_an_hour",
        (
            Line(
                _PAY,
                "api.budget.spend(now, cost, reading=True)",
                "pass",
            ),
            Line(
                "hakeeper.core.due.reads:reading_interval_s",
                "return max(wanted_s, state.reading_gap_s(api))",
                "return wanted_s",
            ),
        ),
        proves=True,
    ),
    # --- logging in
    _robot_bug(
        "login_retried",
        "a switch is tried again soon after a refused login",
        "login_waits",
        (
            Line(
                _SERVE,
                "if not due(api.health.shut_until_s, now, wake):",
                "if not due(api.health.shut_until_s, now, wake)"
                " and not any(type(each.stage).__name__ == 'MutateDue'"
                " for each in state.resources.values()):",
            ),
        ),
        proves=True,
        needs=Kind.UNAUTHORIZED,
    ),
    _robot_bug(
        "login_wait_short",
        "after a refused login hakeeper waits for five minutes",
        "login_waits",
        (
            Line(
                "hakeeper.core.apis.health:Health.login_refused",
                "self.patience.login_wait_s",
                "self.patience.login_wait_s / 2",
            ),
        ),
        needs=Kind.UNAUTHORIZED,
    ),
    _robot_bug(
        "many_log_in",
        "several requests at once try whether the login is good again",
        "never_blocked",
        (
            Line(_CAREFUL, "api.health.is_careful and", "False and"),
            Line(
                "hakeeper.core.apis.health:Health.parallel_limit",
                "or self.is_careful",
                "",
            ),
        ),
        proves=True,
        needs=Kind.UNAUTHORIZED,
    ),
    # --- what is moving
    _robot_bug(
        "moving_unheeded",
        "what is read while it is moving counts as any other read",
        "moving_waits",
        (Line(_OBSERVE, "if seen.moving:", "if False:"),),
        proves=True,
    ),
    # --- whose it is
    _robot_bug(
        "first_server",
        "a switch names the server that Robot lists first",
        "own_main_ip",
        (Line(_REQUEST, "step.holder}", "'198.18.0.1'}"),),
        proves=True,
    ),
    _robot_bug(
        "old_holder_asked",
        "a switch goes to whoever has it already",
        "own_target",
        (
            Line(_NEXT, 'return Step("route", target,', 'return Step("route", seen.server_id,'),
            Line(
                "hakeeper.core.state:State._guard_mutation",
                "if server is None or step.holder not in (None, *server.keys):",
                "if False:",
            ),
        ),
    ),
    # --- a switch
    _robot_bug(
        "answer_is_the_end",
        "the answer of a switch is taken for the end of the claim",
        "read_back",
        (
            Line(
                _ACCEPTED,
                "return _done(resource, claim, stage.step, now, rng)",
                "from hakeeper.core.claim.rules import _confirm;"
                " return _confirm(resource, claim, now)",
            ),
        ),
    ),
    _robot_bug(
        "switch_resent",
        "a switch that was not answered is sent again",
        "no_blind_resend",
        (
            Line(
                "hakeeper.core.claim.step_rules:failed",
                "if response.next is Next.READ or not resource.kind.kind.acts_on_known:",
                "if response.next is Next.READ and"
                " failure.kind is not FailureKind.OUTCOME_UNKNOWN:",
            ),
        ),
    ),
    _robot_bug(
        "refused_not_heeded",
        "a refusal that says how long to wait holds nothing",
        "heeds_429",
        (
            Line(
                "hakeeper.core.apis.health:Health._throttled",
                "wait_s = max(wait_s, retry_after_s + rng.uniform(0.0, 1.0))",
                "wait_s = 1.0",
            ),
        ),
    ),
    _robot_bug(
        "read_at_rest",
        "at rest failover IPs are read every minute",
        "quiet",
        (
            Line(
                "hakeeper.core.state:State.standby_interval_s",
                "max(self.settings.standby_interval_s, self.reading_gap_s(kind.api))",
                "self.settings.standby_interval_s",
            ),
        ),
    ),
    # --- beside the cloud
    Bug(
        "robot_fails_all",
        "while another API fails, only a new master may assign",
        "apis_apart",
        (
            Line(
                "hakeeper.core.due.steps:take_due_steps",
                "if api.server is None or _is_at_parallel_limit(state, api, now):",
                "if api.server is None or _is_at_parallel_limit(state, api, now) or (any("
                "other.health.failure for other in state.apis.apis.values() if other is not api)"
                " and not any(each.favoured for each in state.resources.values())):",
            ),
        ),
        proves=True,
        kind=ALL,
    ),
)
