"""keepalived.conf: can it be read, and does it have our names?"""

import difflib
import re
from collections.abc import Iterator
from typing import Final

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.conf.meaning import Instance, KeepalivedConf
from hakeeper.doctor.facts import ConfUnreadable, Facts
from hakeeper.doctor.finding import Finding, Passed, Place, Said, error, warning

REFUSAL: Final = (
    "keepalived leaves out what it does not accept; with reload_check_config it neither starts"
    " (2.2.7, 2.3.3) nor reloads"
)
_LINE: Final = re.compile(r"\((?:(\S+): )?Line (\d{1,9})\)")


# --- the file ----------------------------------------------------------------------------------


def conf(facts: Facts) -> Iterator[Said]:
    """Can it be read, by us and by keepalived?"""
    read = facts.keepalived.conf
    if isinstance(read, ConfUnreadable):
        yield _unreadable(facts, read)
        return
    fine = True
    for one in read.unread:
        fine = False
        yield warning(
            f"not read by this check: {one.what}",
            why="what it makes is not looked at, so a finding below may be wrong because of it",
            cure="see what keepalived makes of it: kill -USR1 $(cat /run/keepalived.pid);"
            " less /tmp/keepalived.data",
            place=one.place,
        )
    if read.conditions and not facts.keepalived.is_config_id_sure:
        fine = False
        yield warning(
            f"lines that begin with `@` were read as for config-id {facts.keepalived.config_id},"
            " which is this host's name",
            why="with another one (keepalived -i) other lines count, and keepalived's command"
            " line is hidden from this user",
            cure="run the check as root: hakeeper check --online",
            place=read.conditions[0],
        )
    if facts.keepalived.complaints is None and facts.keepalived.version is not None:
        fine = False
        yield warning(
            "keepalived could not be asked to test the file",
            why="a mistake that this check does not know may stand in it",
            cure=f"as root: keepalived --config-test -f {read.file}",
            place=Place(read.file),
        )
    for complaint in facts.keepalived.complaints or ():
        fine = False
        yield error(
            f"keepalived itself says: {complaint}",
            why=REFUSAL,
            cure=f"correct it; then: keepalived --config-test -f {read.file}",
            place=_place_of(complaint, read.file),
        )
    for script in read.unused_scripts if "reload_check_config" in read.global_keywords else ():
        fine = False
        yield error(
            f"no track_script names the vrrp_script {script.arguments[0]}",
            why="with reload_check_config keepalived (2.2.7, 2.3.3) does not start then, though"
            " its --config-test finds nothing",
            cure=f"track_script {{ {script.arguments[0]} }}    # in a vrrp_instance; or leave the"
            " script out",
            place=script.place,
        )
    if fine:
        yield Passed(f"{read.file} is accepted by keepalived")


def _place_of(complaint: str, file: str) -> Place:
    """Read the place off `(FILE: Line 12) ...`; FILE is left out where there is only one."""
    found = _LINE.match(complaint)
    return Place(file) if found is None else Place(found[1] or file, int(found[2]))


def _unreadable(facts: Facts, read: ConfUnreadable) -> Finding:
    user = facts.machine.user
    cure = (
        f"chgrp {user} {read.file} && chmod 0640 {read.file}    # or run the check as root"
        if read.is_denied
        else "see https://github.com/acassen/keepalived; or name another file:"
        " --keepalived-conf FILE"
    )
    return error(
        f"{read.file} cannot be read by {user}: {read.reason}",
        why="whether keepalived tells hakeeper of its role, and has the addresses, is not known",
        cure=cure,
        place=Place(read.file),
    )


# --- names ---------------------------------------------------------------------------------------


def instances(facts: Facts) -> Iterator[Said]:
    """Does keepalived have every instance and group of hakeeper.yaml, on an interface?"""
    read = facts.conf
    if read is None:
        return
    for vrrp in facts.config.config.addresses:
        members = read.members(vrrp)
        if not members:
            yield _unknown_name(facts, read, vrrp)
            continue
        troubles: list[Said] = [said for one in members for said in _startable(facts, read, one)]
        yield from troubles or [Passed(f"{vrrp} ({members[0].place})")]


def _unknown_name(facts: Facts, read: KeepalivedConf, vrrp: VrrpId) -> Finding:
    names = read.names(vrrp.kind)
    keyword = "vrrp_instance" if vrrp.kind is VrrpKind.INSTANCE else "vrrp_sync_group"
    close = difflib.get_close_matches(vrrp.name, names, n=1)
    section = "instances" if vrrp.kind is VrrpKind.INSTANCE else "groups"
    right = close[0] if close else next(iter(names), None)
    known = ", ".join(names) or "none"
    cure = f"{keyword} {vrrp.name} {{ … }}    # in keepalived.conf"
    if right is not None:
        cure = f"{section}: {{{right}: …}}    # in hakeeper.yaml"
    return error(
        f"keepalived.conf has no {keyword} {vrrp.name}; it has: {known}",
        why="keepalived never speaks of it, so its addresses are never claimed",
        cure=cure,
        place=facts.config.section(vrrp),
    )


def _startable(facts: Facts, read: KeepalivedConf, one: Instance) -> Iterator[Finding]:
    interface = one.interface
    if interface is None or interface not in facts.machine.interfaces:
        shown = "no interface" if interface is None else f"interface {interface}, which is not here"
        names = ", ".join(sorted(facts.machine.interfaces - {"lo"})) or "none"
        yield error(
            f"{one.name} has {shown}; this machine has: {names}",
            why="keepalived leaves such an instance out",
            cure="interface NAME    # that of the private network; see: ip -br address",
            place=one.interface_place or one.place,
        )
    version = one.version or read.vrrp_version
    strict = "vrrp_strict" in read.global_keywords or "strict_mode" in one.keywords
    needs_vip = version == 3 or strict  # noqa: PLR2004  # VRRP's version
    if needs_vip and not one.vips:
        yield error(
            f"{one.name} has no virtual_ipaddress",
            why="keepalived rejects such an instance in VRRP version 3 and with vrrp_strict",
            cure="virtual_ipaddress { ADDRESS/32 dev eth0 }    # the floating IP",
            place=one.place,
        )
    if "use_vmac" in one.keywords:
        yield error(
            f"{one.name} has `use_vmac`",
            why="Hetzner's networks drop what comes from a MAC address that is not the server's",
            cure="leave `use_vmac` out",
            place=one.keywords["use_vmac"],
        )
