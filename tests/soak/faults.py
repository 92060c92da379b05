"""How each kind of fault is done to a lab, and undone."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from hakeeper.core.model import Role
from hakeeper.demo.cloud import Answer, CloudFront, Fault
from hakeeper.demo.lab import Cable, Keepalived, Lab, Node, Way
from hakeeper.demo.lab.vrrp_conf import BROKEN_CONF
from tests.soak.kinds import Kind
from tests.soak.moves import CHECKED
from tests.soak.settings import ADDRESS, INSTANCE

_LOW, _HIGH = 10, 200
"""Priorities below and above all of the lab's."""
_CHECKED = "    reload_check_config\n"
_LATE_S = (0.5, 4.0)
_ASSIGN = "/actions/assign$"


class UnaskedError(Exception):
    """Something ended otherwise than it was told to."""


Undo: TypeAlias = Callable[[], None]
"""Ends a fault. It must do no harm to what another fault has done meanwhile."""


@dataclass(slots=True)
class Target:
    """A node that a fault is to happen to."""

    lab: Lab
    cloud: CloudFront
    node: Node
    veteran: bool
    """Its hakeeper is not to be ended."""
    chance: float
    confs: dict[str, str] = field(default_factory=dict)
    """By node, the configuration that its keepalived was last given, if not the lab's own."""

    @property
    def floating_ip(self) -> int:
        """The id of the one floating IP."""
        return self.lab.floating_ips[ADDRESS]

    @property
    def conf(self) -> str:
        """What this node's keepalived goes by."""
        return self.confs.get(self.node.name, self.node.keepalived.own_conf)


Begin: TypeAlias = Callable[[Target], Undo | None]
"""Does the fault; None: it cannot be done as things stand, and nothing was changed."""


# --- keepalived -----------------------------------------------------------------------------


def _restart(target: Target) -> None:
    """Start what is down; chance decides whether it checks its file at the next reload."""
    keepalived = target.node.keepalived
    if keepalived.running:
        return
    conf = keepalived.own_conf
    target.confs[target.node.name] = (
        conf if target.chance < 0.5 else conf.replace(_CHECKED, "")
    )  # evens
    keepalived.write_conf(target.conf)
    keepalived.start()


def _end(target: Target, how: Callable[[], object]) -> Undo | None:
    if not target.node.keepalived.running:
        return None
    how()
    return partial(_restart, target)


def _stop(target: Target) -> None:
    code = target.node.keepalived.stop()
    if code != 0:
        raise UnaskedError(f"keepalived of {target.node.name} stopped with code {code}")


def _kill_child(target: Target) -> Undo | None:
    keepalived = target.node.keepalived
    if not keepalived.running or keepalived.child_pid() is None:
        return None
    keepalived.kill_child()
    return partial(_restart, target)


def _freeze(target: Target) -> Undo | None:
    keepalived = target.node.keepalived
    if not keepalived.running:
        return None
    keepalived.freeze()
    return keepalived.thaw


def _reload_with(target: Target, conf: str) -> Undo | None:
    keepalived = target.node.keepalived
    if not keepalived.running:
        return None
    keepalived.write_conf(conf)
    keepalived.reload()
    return partial(_restore, target)


def _restore(target: Target) -> None:
    keepalived = target.node.keepalived
    keepalived.write_conf(target.conf)
    if keepalived.running:
        keepalived.reload()
    else:
        _restart(target)


def _reprioritise(target: Target) -> Undo | None:
    """Make a MASTER the least of all, and another node the best."""
    is_master = target.lab.witness.role(target.node.name, INSTANCE) is Role.MASTER
    priority = _LOW if is_master else _HIGH
    return _reload_with(target, re.sub(r"priority \d+", f"priority {priority}", target.conf))


# --- network and health ---------------------------------------------------------------------


def _lay(target: Target, cable: Cable) -> Undo | None:
    target.node.set_cable(cable)
    return lambda: target.node.set_cable(Cable.WHOLE)


def _pull_link(target: Target) -> Undo | None:
    target.node.link_down()
    return target.node.link_up


def _fail_script(target: Target) -> Undo | None:
    target.node.set_healthy(healthy=False)
    return lambda: target.node.set_healthy(healthy=True)


# --- hakeeper and its FIFO ------------------------------------------------------------------


def _start_hakeeper(target: Target) -> None:
    target.node.hakeeper.start()


def _kill_hakeeper(target: Target) -> Undo | None:
    if target.veteran:
        return None
    target.node.hakeeper.kill()
    return partial(_start_hakeeper, target)


def _term_hakeeper(target: Target) -> Undo | None:
    if target.veteran:
        return None
    code = target.node.hakeeper.term()
    if code != 0:
        raise UnaskedError(f"hakeeper of {target.node.name} ended with code {code} after SIGTERM")
    return partial(_start_hakeeper, target)


def _freeze_hakeeper(target: Target) -> Undo | None:
    target.node.hakeeper.freeze()
    return target.node.hakeeper.thaw


def _reload_hakeeper(target: Target) -> Undo | None:
    target.node.hakeeper.reload()
    return lambda: None


def _replace_fifo(target: Target) -> Undo | None:
    """Another FIFO at the path; the repair is what hakeeper's log says: reload keepalived."""
    node = target.node
    node.remove_fifo()
    node.make_fifo()
    return partial(_reopen, node.keepalived)


def _reopen(keepalived: Keepalived) -> None:
    if keepalived.running:
        keepalived.reload()


# --- the API and people ---------------------------------------------------------------------


def _fault(target: Target, fault: Fault) -> Undo | None:
    fault_id = target.cloud.fault(fault)
    return partial(target.cloud.clear, fault_id)


def _answer(status: int) -> Begin:
    return lambda target: _fault(target, Fault(client=target.node.name, status=status))


def _lose(answer: Answer) -> Begin:
    return lambda target: _fault(target, Fault(client=target.node.name, answer=answer))


def _commit_and_lose(target: Target) -> Undo | None:
    fault = Fault(
        client=target.node.name, method="POST", path=_ASSIGN, answer=Answer.RESET, commit=True
    )
    return _fault(target, fault)


def _commit_and_504(target: Target) -> Undo | None:
    fault = Fault(client=target.node.name, method="POST", path=_ASSIGN, status=504, commit=True)
    return _fault(target, fault)


def _commit_late(target: Target) -> Undo | None:
    """Have one write land late: one is what a server that is slow for once makes of a request."""
    least_s, most_s = _LATE_S
    late_s = least_s + target.chance * (most_s - least_s)
    fault = Fault(
        client=target.node.name, method="POST", path=_ASSIGN, count=1, late_commit_s=late_s
    )
    return _fault(target, fault)


def _slow_action(target: Target) -> Undo | None:
    action_s = 1.0 + 3.0 * target.chance
    fault = Fault(client=target.node.name, method="POST", path=_ASSIGN, action_s=action_s)
    return _fault(target, fault)


def _cut_api(target: Target, way: Way) -> Undo | None:
    target.node.set_api(way)
    return lambda: target.node.set_api(Way.OPEN)


def _take(target: Target) -> Undo | None:
    """Move it by hand to a node that is not MASTER; once a term, as a second time is a contest.

    What is contested stays where it is for minutes, as it should (docs/dev/design.md): that
    would be no fault that heals.
    """
    masters = [
        node
        for node in target.lab.nodes
        if target.lab.witness.role(node.name, INSTANCE) is Role.MASTER
    ]
    if len(masters) != 1 or target.node in masters or _was_lost(target, masters[0]):
        return None
    target.cloud.move(target.floating_ip, target.node.server_id)
    return lambda: None


def _was_lost(target: Target, master: Node) -> bool:
    """Whether this MASTER has lost the address before in its present term."""
    changes = [one for one in target.lab.witness.changes() if one.node == master.name]
    since_s = next((one.at_s for one in reversed(changes) if one.role is Role.MASTER), 0.0)
    return any(
        one.at_s >= since_s and one.old == master.server_id
        for one in target.cloud.holder_changes(target.floating_ip)
    )


def _unassign(target: Target) -> Undo | None:
    target.cloud.move(target.floating_ip, None)
    return lambda: None


BEGIN: Mapping[Kind, Begin] = {
    Kind.KILL_ALL: lambda target: _end(target, target.node.keepalived.kill_all),
    Kind.KILL_CHILD: _kill_child,
    Kind.STOP: lambda target: _end(target, partial(_stop, target)),
    Kind.FREEZE: _freeze,
    Kind.RELOAD: lambda target: _reload_with(target, target.conf),
    Kind.PRIORITY: _reprioritise,
    Kind.BROKEN: lambda target: _reload_with(target, BROKEN_CONF),
    Kind.CUT: lambda target: _lay(target, Cable.CUT),
    Kind.ISOLATED: lambda target: _lay(target, Cable.ISOLATED),
    Kind.MUTE: lambda target: _lay(target, Cable.MUTE),
    Kind.LINK: _pull_link,
    Kind.SCRIPT: _fail_script,
    Kind.DAEMON_KILL: _kill_hakeeper,
    Kind.DAEMON_TERM: _term_hakeeper,
    Kind.DAEMON_FREEZE: _freeze_hakeeper,
    Kind.DAEMON_RELOAD: _reload_hakeeper,
    Kind.FIFO: _replace_fifo,
    Kind.API_500: _answer(500),
    Kind.API_503: _answer(503),
    Kind.API_504: _commit_and_504,
    Kind.API_HANG: _lose(Answer.NEVER),
    Kind.API_RESET: _lose(Answer.RESET),
    Kind.API_LOST: _commit_and_lose,
    Kind.API_429: _answer(429),
    Kind.API_LATE: _commit_late,
    Kind.API_SLOW: _slow_action,
    Kind.API_REFUSED: lambda target: _cut_api(target, Way.REFUSED),
    Kind.API_SILENT: lambda target: _cut_api(target, Way.SILENT),
    Kind.TAKEN: _take,
    Kind.UNASSIGNED: _unassign,
}


def named(target: Target, kind: Kind) -> str:
    """Return the kind's name for the report, with what the node's own state adds to it."""
    if kind is Kind.BROKEN:
        return f"{kind.value}, {CHECKED if _CHECKED in target.conf else 'not checked'}"
    name: str = kind.value
    return name
