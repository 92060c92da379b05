"""Bugs to plant that show in worlds with alias IPs: lists that are replaced, moves of two steps.

See `bugs.py`, which has those of all worlds.
"""

from functools import partial

from hakeeper.kinds import ALIAS_IPS
from hakeeper.simulate.faults.kinds import Kind
from tests.world.bug import Bug
from tests.world.planting import Line

_alias_bug = partial(Bug, kind=ALIAS_IPS.name)

_NEXT = "hakeeper.kinds.alias_ip:AliasIps.next_step"
_REQUEST = "hakeeper.kinds.alias_ip:AliasIps.request_of"
_SEND = "hakeeper.core.due.steps:_try_step"
_ROOM = "hakeeper.core.due.steps:_room"
_OTHERS = "hakeeper.core.due.steps:_others"
_GUARD = "hakeeper.core.state:State._guard_mutation"
_READ_FAILED = "hakeeper.core.answers.failures:_read_failed"

ALIAS_BUGS = (
    # --- the list
    _alias_bug(
        "list_forgotten",
        "a request has our alias IPs and no others",
        "others_kept",
        (Line(_REQUEST, "[ip for ip in step.given if ip not in moved]", "[]"),),
        proves=True,
    ),
    _alias_bug(
        "list_cleared",
        "a release clears the whole list of the holder",
        "others_kept",
        (Line(_REQUEST, "rest if step.name == _RELEASE", "[] if step.name == _RELEASE"),),
    ),
    _alias_bug(
        "wrong_list",
        "the list of the holder goes to our own server",
        "own_lists_only",
        (Line(_NEXT, "lane = _lane(network, holder)", "lane = _lane(network, us.id)"),),
    ),
    _alias_bug(
        "holders_mixed",
        "what different servers have is released by one request",
        "own_lists_only",
        (
            Line(
                _OTHERS,
                "other.kind.kind.next_step(seen, server) == step",
                "getattr(other.kind.kind.next_step(seen, server), 'name', '') == step.name",
            ),
        ),
        proves=True,
    ),
    _alias_bug(
        "moved_one_by_one",
        "each alias IP of an instance moves alone",
        "moves_together",
        (Line(_OTHERS, "if step.most <= 1 or", "if True or"),),
        proves=True,
    ),
    _alias_bug(
        "instances_mixed",
        "alias IPs of several instances move together",
        "core_guard",
        (Line(_OTHERS, "or other.vrrp != resource.vrrp", ""),),
    ),
    # --- what was read
    _alias_bug(
        "any_read_will_do",
        "a request is built upon what was read last, however long ago",
        "read_right_before",
        (
            Line(
                "hakeeper.core.claim.resource:Resource.shows",
                "if now > answered_at_s + FRESH_S:",
                "if self.holder_at_s is None:",
            ),
        ),
        proves=True,
    ),
    _alias_bug(
        "write_unnoted",
        "what was read before the last step of ours is still good",
        "read_right_before",
        (
            Line(
                "hakeeper.core.claim.resource:Resource.shows",
                "asked_at_s >= self.kind.changed_at_s.get(lane, NEVER)",
                "True",
            ),
        ),
    ),
    _alias_bug(
        "read_renewed",
        "what was read long ago is new once it is known which server this is",
        "read_right_before",
        (
            Line(
                "hakeeper.core.claim.resource:Resource.see",
                "if asked_at_s != self.holder_at_s:",
                "if True:",
            ),
        ),
        needs=Kind.WRONG_METADATA,
    ),
    _alias_bug(
        "old_list_believed",
        "a list that lags behind our own last step is good for the next one",
        "undoes_nothing",
        (
            Line(
                "hakeeper.core.claim.resource:Resource.is_behind",
                "return not self.kind.kind.reflects(seen, last.resources, last.step)",
                "return False",
            ),
        ),
        proves=True,
        needs=Kind.LAGGING,
    ),
    _alias_bug(
        "two_writes",
        "two requests replace one list at the same time",
        "one_write_per_list",
        (
            Line(_SEND, "if _is_lane_taken(state, lane):", "if False:"),
            Line(_GUARD, "if self.is_lane_taken(step.lane):", "if False:"),
        ),
        proves=True,
    ),
    # --- obstacles
    _alias_bug(
        "full_unheeded",
        "an alias IP is released for a server that has no room",
        "obstacle_releases_nothing",
        (
            Line(_NEXT, "if room < 1 and ip not in ours:", "if False:"),
            Line(_ROOM, "return step.room - coming", "return step.most"),
        ),
        proves=True,
    ),
    _alias_bug(
        "detached_unheeded",
        "an alias IP is released for a server that is not in the network",
        "obstacle_releases_nothing",
        (Line(_NEXT, "lists.get(str(us.id))", "lists.get(str(us.id), ())"),),
    ),
    # --- two steps
    _alias_bug(
        "take_waits",
        "the second step waits a second, as if it were the same one again",
        "no_gap",
        (
            Line(
                "hakeeper.core.claim.step_rules:next_step", "resource.writes.goes_on = True", "pass"
            ),
        ),
        proves=True,
    ),
    _alias_bug(
        "moves_remembered",
        "what we moved before a demotion keeps a new move waiting, since reads do not show it",
        "no_gap",
        (Line("hakeeper.core.claim.rules:stop", "resource.forget_moves()", "pass"),),
    ),
    _alias_bug(
        "take_is_dear",
        "the second step is paid as what follows from a role that flaps",
        "no_gap",
        (
            Line(
                "hakeeper.core.state:State.use_of",
                "return Use.EDGE  # nobody",
                "return Use.RETRY  # nobody",
            ),
        ),
    ),
    _alias_bug(
        "release_waits_for_us",
        "after a release hakeeper waits until a read shows the address here",
        "no_gap",
        (
            Line(
                "hakeeper.core.claim.rules:read_back",
                "if stage.step.holder is None and isinstance(what.holder, Nobody):",
                "if False:",
            ),
        ),
    ),
    _alias_bug(
        "taken_at_once",
        "an alias IP is taken without a release",
        "all_in_place",
        (Line(_NEXT, "if holder in (None, us.id) or str(holder) not in lists:", "if True:"),),
    ),
    # --- parts
    _alias_bug(
        "members_wanted",
        "an API that cannot list the members of a network is asked for them again and again",
        "repaired",
        (Line(_READ_FAILED, "state.apis.kinds[request.kind].lists_parts = False", "pass"),),
    ),
    _alias_bug(
        "no_members_told",
        "an API that cannot list the members of a network is called a failing one",
        "quiet",
        (Line(_READ_FAILED, "works(state, api, now)\n        return", "delay_s = 0.0"),),
    ),
)
