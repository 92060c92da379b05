"""keepalived as a process: does it run, and which roles does it report?"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hakeeper.adapters import cures
from hakeeper.config import StateSource
from hakeeper.core.model import Role, VrrpKind
from hakeeper.doctor.conf.configuration import Instance
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, Place, When, error, warning

_TRACKING_KEYWORDS: Final = frozenset(
    (
        "track_interface",
        "track_script",
        "track_file",
        "track_process",
        "track_bfd",
        "linkbeat_interfaces",
    )
)


def keepalived(facts: Facts) -> Iterator[CheckResult]:
    """Check that keepalived runs, and that the pid file names it."""
    seen = facts.keepalived
    if seen.other_namespace:
        yield error(
            f"keepalived runs in the network namespace {seen.other_namespace}, and hakeeper does"
            " not",
            why="keepalived adds the addresses there, not on this machine",
            cure="remove `net_namespace` (`-s`), or run hakeeper in that namespace, too",
            place=None if facts.conf is None else facts.conf.all_keywords.get("net_namespace"),
        )
        return
    if facts.is_running and not seen.has_vrrp:
        yield error(
            "keepalived was started with `--check`, which means without VRRP",
            why="it has no instance, and is never MASTER",
            cure="remove `-C` (`--check`): systemctl cat keepalived; /etc/default/keepalived",
        )
    pid_file = facts.config.config.keepalived.pid_file
    place = facts.config.key("keepalived.pid_file")
    if seen.pid is not None:
        yield Passed(f"runs, process {seen.pid}")
    elif facts.is_running:
        shown = f" as process {seen.strays[0]}" if seen.strays else ""
        yield warning(
            f"keepalived runs{shown}, but {pid_file} does not name it",
            why="hakeeper then does not notice when it dies",
            cure="keepalived: {pid_file: PATH}    # in hakeeper.yaml; see: ls /run/*.pid",
            place=place,
            when=When.NOW,
        )
    elif facts.is_heard_but_unseen:
        yield error(
            "a keepalived whose process is not visible here writes to the FIFO",
            why="it runs elsewhere, for example in a container, and adds the addresses there",
            cure="run keepalived and hakeeper in the same place; see: ls -l /proc/*/exe",
            place=place,
            when=When.NOW,
        )
    elif seen.last_failure:
        yield error(
            f"keepalived does not run: its last start with this file failed ({seen.last_failure})",
            why="without keepalived there is no master, and the file has not changed since",
            cure="journalctl -u keepalived -n 50    # says why; then: systemctl restart keepalived",
            place=Place(seen.conf.file),
        )
    else:
        yield error(
            f"keepalived does not run, according to {pid_file}",
            why="without keepalived there is no master",
            cure=f"{cures.KEEPALIVED_GONE}    # or keepalived: {{pid_file: PATH}}",
            place=place,
            when=When.NOW,
        )


def roles(facts: Facts) -> Iterator[CheckResult]:
    """Check that keepalived answers over D-Bus, has our instances, and that none is in FAULT."""
    if not facts.is_running or facts.config.config.keepalived.state is StateSource.NONE:
        return
    known, read = facts.keepalived.roles, facts.conf
    if known is None:
        yield from _silent(facts)
        for vrrp in facts.config.config.resources:
            if facts.daemon.roles.get(vrrp) == Role.FAULT.value.lower():
                yield _fault(facts, str(vrrp), read.members(vrrp) if read else ())
        return
    for name in sorted(_names(facts)):
        yield _role(facts, name, known)


def _silent(facts: Facts) -> Iterator[Finding]:
    read = facts.conf
    if read is not None and "enable_dbus" not in read.global_keywords:
        return  # `settings` reports that
    is_needed = facts.config.config.keepalived.state is StateSource.DBUS
    file = facts.not_in_force
    reason = f"it has not read {file}" if file else facts.keepalived.roles_reason
    yield (error if is_needed else warning)(
        f"keepalived does not answer over D-Bus: {reason}",
        why="after a restart or lost lines, hakeeper cannot ask for the role",
        cure=cures.in_force(file, facts.keepalived.in_force) if file else cures.DBUS_SILENT,
        when=When.NOW,
    )


def _names(facts: Facts) -> set[str]:
    """Return the instances that keepalived should have: those that the file is known to define."""
    read = facts.conf
    wanted = facts.config.config.resources
    found = {one.name for vrrp in wanted for one in (read.members(vrrp) if read else ())}
    found |= {
        vrrp.name
        for vrrp in wanted
        if vrrp.kind is VrrpKind.INSTANCE
        and (facts.is_in_conf(vrrp) or facts.is_in_running_keepalived(vrrp) or read is None)
    }
    return found


def _role(facts: Facts, name: str, known: Mapping[str, Role]) -> CheckResult:
    if name not in known:
        others = ", ".join(sorted(known)) or "none"
        return error(
            f"the running keepalived has no instance {name}; it has: {others}",
            why="it has read another file, or an older version",
            cure=f"{cures.RELOAD}; journalctl -u keepalived -n 30",
            place=Place(facts.keepalived.conf.file),
            when=When.NOW,
        )
    if known[name] is Role.FAULT:
        one = None if facts.conf is None else facts.conf.instance(name)
        return _fault(facts, name, () if one is None else (one,))
    return Passed(f"{name} is {known[name].value}")


def _fault(facts: Facts, name: str, members: Iterable[Instance]) -> Finding:
    """Make the finding for a FAULT; one without a visible cause ends at keepalived's next start."""
    if facts.keepalived.is_in_force and _has_possible_cause(facts, list(members)):
        return error(
            f"{name} is in FAULT",
            why="keepalived does not become MASTER in that state",
            cure=cures.FAULT,
        )
    return error(
        f"{name} is in FAULT, for a reason that is gone or that the file does not show",
        why="keepalived does not become MASTER in that state, and stays in it if its address was"
        " missing when it started",
        cure="systemctl restart keepalived    # if it is in FAULT again after that: " + cures.FAULT,
        when=When.NOW,
    )


def _has_possible_cause(facts: Facts, members: list[Instance]) -> bool:
    """Say whether something that keepalived tracks may still cause the FAULT."""
    read, machine = facts.conf, facts.machine
    if read is None or not members or read.unread or _TRACKING_KEYWORDS & read.all_keywords.keys():
        return True
    for one in members:
        names = {one.interface, *(one.device_of(vip) for vip in one.vips)} - {None}
        if not names <= machine.interfaces - machine.down or one.source is None:
            return True
        if one.source.ip not in machine.here:
            return True
    return False
