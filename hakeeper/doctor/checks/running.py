"""Is keepalived running, and what does it say of its roles?"""

from collections.abc import Iterator, Mapping

from hakeeper.config import StateSource
from hakeeper.core import cures
from hakeeper.core.model import Role, VrrpKind
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Finding, Passed, Place, Said, When, error, warning


def keepalived(facts: Facts) -> Iterator[Said]:
    """Does it run, and does the pid file name it?"""
    seen = facts.keepalived
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
    roles = facts.keepalived.roles
    if roles is None:
        yield from _silent(facts)
        for vrrp in facts.config.config.addresses:
            if facts.daemon.roles.get(vrrp) == Role.FAULT.value.lower():
                yield _fault(str(vrrp))
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
    wanted = facts.config.config.addresses
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
        return _fault(name)
    return Passed(f"{name} is {known[name].value}")


def _fault(name: str) -> Finding:
    return error(
        f"{name} is in FAULT",
        why="keepalived does not become MASTER in that state",
        cure=cures.FAULT,
    )
