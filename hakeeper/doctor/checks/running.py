"""Is keepalived running, and what does it say of its roles?"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hakeeper.adapters import cures
from hakeeper.config import StateSource
from hakeeper.core.model import Role, VrrpKind
from hakeeper.doctor.conf.meaning import Instance
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Finding, Passed, Place, Said, When, error, warning

_WATCHED: Final = frozenset(
    (
        "track_interface",
        "track_script",
        "track_file",
        "track_process",
        "track_bfd",
        "linkbeat_interfaces",
    )
)


def keepalived(facts: Facts) -> Iterator[Said]:
    """Does it run, and does the pid file name it?"""
    seen = facts.keepalived
    if seen.elsewhere:
        yield error(
            f"keepalived works in the network namespace {seen.elsewhere}, and this is another one",
            why="the addresses that it adds are there, and not on this machine",
            cure="leave `net_namespace` (`-s`) out, or run hakeeper there, too",
            place=None if facts.conf is None else facts.conf.all_keywords.get("net_namespace"),
        )
        return
    if facts.is_running and not seen.has_vrrp:
        yield error(
            "keepalived was started with `--check`, and so without VRRP",
            why="there is no instance, and nobody is ever MASTER",
            cure="leave `-C` (`--check`) out: systemctl cat keepalived; /etc/default/keepalived",
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
    elif facts.is_heard:
        yield error(
            "a keepalived that is not to be seen writes into the FIFO",
            why="it runs elsewhere, as in a container, and its addresses are there",
            cure="run keepalived and hakeeper beside each other; see: ls -l /proc/*/exe",
            place=place,
            when=When.NOW,
        )
    elif seen.refusal:
        yield error(
            f"keepalived does not run: with this file it ended at its last start ({seen.refusal})",
            why="nobody says who is master; and nothing was changed since",
            cure="journalctl -u keepalived -n 50    # says why; then: systemctl restart keepalived",
            place=Place(seen.conf.file),
        )
    else:
        yield error(
            f"keepalived does not run, by {pid_file}",
            why="nobody says who is master",
            cure=f"{cures.KEEPALIVED_GONE}    # or keepalived: {{pid_file: PATH}}",
            place=place,
            when=When.NOW,
        )


def states(facts: Facts) -> Iterator[Said]:
    """Does it answer over D-Bus, with our instances, and none in FAULT?"""
    if not facts.is_running or facts.config.config.keepalived.state is StateSource.NONE:
        return
    roles, read = facts.keepalived.roles, facts.conf
    if roles is None:
        yield from _silent(facts)
        for vrrp in facts.config.config.resources:
            if facts.daemon.roles.get(vrrp) == Role.FAULT.value.lower():
                yield _fault(facts, str(vrrp), read.members(vrrp) if read else ())
        return
    for name in sorted(_names(facts)):
        yield _state(facts, name, roles)


def _silent(facts: Facts) -> Iterator[Finding]:
    read = facts.conf
    if read is not None and "enable_dbus" not in read.global_keywords:
        return  # told with the settings
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
    """Return the instances that should be there: those that the file has, as far as is known."""
    read = facts.conf
    wanted = facts.config.config.resources
    found = {one.name for vrrp in wanted for one in (read.members(vrrp) if read else ())}
    found |= {
        vrrp.name
        for vrrp in wanted
        if vrrp.kind is VrrpKind.INSTANCE
        and (facts.is_in_file(vrrp) or facts.is_there_now(vrrp) or read is None)
    }
    return found


def _state(facts: Facts, name: str, known: Mapping[str, Role]) -> Said:
    if name not in known:
        others = ", ".join(sorted(known)) or "none"
        return error(
            f"the keepalived that runs has no instance {name}; it has: {others}",
            why="it has read another file, or an older one",
            cure=f"{cures.RELOAD}; journalctl -u keepalived -n 30",
            place=Place(facts.keepalived.conf.file),
            when=When.NOW,
        )
    if known[name] is Role.FAULT:
        one = None if facts.conf is None else facts.conf.instance(name)
        return _fault(facts, name, () if one is None else (one,))
    return Passed(f"{name} is {known[name].value}")


def _fault(facts: Facts, name: str, members: Iterable[Instance]) -> Finding:
    """Judge a FAULT; one that nothing explains ends with keepalived's next start."""
    if facts.keepalived.is_in_force and _is_reasoned(facts, list(members)):
        return error(
            f"{name} is in FAULT",
            why="keepalived does not become MASTER in that state",
            cure=cures.FAULT,
        )
    return error(
        f"{name} is in FAULT, for a reason that is gone, or that the file does not tell",
        why="keepalived does not become MASTER in that state; it keeps to it when its address was"
        " missing at its start",
        cure="systemctl restart keepalived    # if then it is in FAULT again: " + cures.FAULT,
        when=When.NOW,
    )


def _is_reasoned(facts: Facts, members: list[Instance]) -> bool:
    """Say whether something that keepalived watches may be the reason still."""
    read, machine = facts.conf, facts.machine
    if read is None or not members or read.unread or _WATCHED & read.all_keywords.keys():
        return True
    for one in members:
        names = {one.interface, *(one.device_of(vip) for vip in one.vips)} - {None}
        if not names <= machine.interfaces - machine.down or one.source is None:
            return True
        if one.source.ip not in machine.here:
            return True
    return False
