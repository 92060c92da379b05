"""Is keepalived running, what does it say of its roles, and does hakeeper listen?"""

from collections.abc import Iterator, Mapping

from hakeeper.config import StateSource
from hakeeper.core.model import Role, VrrpId
from hakeeper.doctor.conf.meaning import KeepalivedConf
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Passed, Place, Said, error, warning


def keepalived(facts: Facts) -> Iterator[Said]:
    """Does it run?"""
    if facts.keepalived.pid is not None:
        yield Passed(f"runs, pid {facts.keepalived.pid}")
        return
    pid_file = facts.config.config.keepalived.pid_file
    yield error(
        f"keepalived does not run, by {pid_file}",
        why="nobody says who is master",
        cure="systemctl enable --now keepalived; if it runs: keepalived: {pid_file: PATH}",
        place=facts.config.key("keepalived.pid_file"),
    )


def states(facts: Facts) -> Iterator[Said]:
    """Does it answer over D-Bus, with the instances that the file has, and none in FAULT?"""
    read, roles = facts.conf, facts.keepalived.roles
    if facts.keepalived.pid is None or facts.config.config.keepalived.state is StateSource.NONE:
        return
    if roles is None:
        if read is None or "enable_dbus" in read.global_keywords:
            is_needed = facts.config.config.keepalived.state is StateSource.DBUS
            yield (error if is_needed else warning)(
                f"keepalived does not answer over D-Bus: {facts.keepalived.roles_reason}",
                why="after a restart or lost lines, hakeeper cannot ask for the role",
                cure="systemctl status dbus; systemctl restart keepalived    # a reload is not"
                " enough",
            )
        return
    if read is None:
        return
    names = {one.name for vrrp in facts.config.config.addresses for one in read.members(vrrp)}
    for name in sorted(names):
        yield _state(name, roles, read)


def _state(name: str, known: Mapping[str, Role], read: KeepalivedConf) -> Said:
    if name not in known:
        return error(
            f"the keepalived that runs has no instance {name}, though the file has it",
            why="it has read another file, or an older one",
            cure="systemctl reload keepalived; journalctl -u keepalived -n 30",
            place=Place(read.file),
        )
    if known[name] is Role.FAULT:
        return error(
            f"{name} is in FAULT",
            why="keepalived does not become MASTER in that state",
            cure="see why: journalctl -u keepalived -n 30 (an interface, an address, a script)",
        )
    return Passed(f"{name} is {known[name].value}")


def daemon(facts: Facts) -> Iterator[Said]:
    """Does `hakeeper run` listen, and is it content?"""
    seen = facts.daemon
    if not seen.is_running:
        yield error(
            f"the daemon does not answer: {seen.detail}",
            why="nobody claims anything",
            cure="systemctl enable --now hakeeper; journalctl -u hakeeper -n 30",
        )
        return
    cure = "hakeeper status; journalctl -u hakeeper -n 30"
    for text in seen.broken:
        why = "it is what the running service meets, whatever a check finds"
        yield error(f"the daemon says: {text}", why=why, cure=cure)
    for text in seen.degraded:
        why = "it is what the running service meets, whatever a check finds"
        yield warning(f"the daemon says: {text}", why=why, cure=cure)
    wanted = {vrrp: tuple(map(str, refs)) for vrrp, refs in facts.config.config.addresses.items()}
    if seen.follows is not None and seen.follows != wanted:
        yield error(
            f"the daemon runs with another configuration: {_shown(seen.follows)}, and the file"
            f" says {_shown(wanted)}",
            why="what it was not told to follow it does not claim",
            cure="systemctl reload hakeeper",
            place=Place(facts.config.file),
        )
    elif not seen.broken and not seen.degraded:
        yield Passed("runs and is content")


def _shown(follows: Mapping[VrrpId, tuple[str, ...]]) -> str:
    return "; ".join(f"{vrrp}: {', '.join(refs)}" for vrrp, refs in follows.items()) or "nothing"
