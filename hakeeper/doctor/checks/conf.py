"""keepalived.conf: can it be read, does it have our names, will keepalived hear the others?"""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from hakeeper.config import StateSource
from hakeeper.core.model import IpAddress, VrrpId, VrrpKind
from hakeeper.doctor.conf.meaning import Address, Instance, KeepalivedConf
from hakeeper.doctor.facts import ConfUnreadable, Facts, Version
from hakeeper.doctor.finding import Finding, Passed, Place, Said, error, warning

SINCE: Final[Mapping[str, Version]] = {
    "vrrp_notify_fifo": (1, 3, 6),
    "umask": (2, 0, 9),
    "notify_priority_changes": (2, 0, 16),
    "vrrp_notify_priority_changes": (2, 0, 16),
    "notify_deleted": (2, 1, 0),
    "reload_check_config": (2, 2, 0),
    "data_use_instance": (2, 2, 3),
    "fifo_write_vrrp_states_on_reload": (2, 2, 5),
    "json_version": (2, 2, 8),
}
"""The version of keepalived that brought a keyword (its changelog)."""
FIFO_USER_SINCE: Final[Version] = (2, 0, 16)
"""From here on a FIFO line may name a user."""
BUS_NAME: Final = "dbus_service_name"
REFUSAL: Final = (
    "keepalived leaves out what it does not accept; with reload_check_config it neither starts"
    " (2.2.7, 2.3.3) nor reloads"
)
_LINE: Final = re.compile(r"\((?:(\S+): )?Line (\d{1,9})\)")


def dotted(version: Version) -> str:
    """Write a version."""
    return ".".join(map(str, version))


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
        place=facts.config.sections.get(vrrp, Place(facts.config.file)),
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


# --- hearing the others ------------------------------------------------------------------------


def hearing(facts: Facts) -> Iterator[Said]:
    """Has this machine the address that keepalived speaks from, and does it know its peers?"""
    read = facts.conf
    yield from _addresses_of_hakeeper(facts)
    if read is None:
        return
    for vrrp in facts.config.config.addresses:
        for one in read.members(vrrp):
            yield from _unicast(facts, one)
            yield from _agreement(facts, vrrp, one)


def _addresses_of_hakeeper(facts: Facts) -> Iterator[Said]:
    for vrrp, wanted in facts.config.config.vrrp_addresses.items():
        for ip in wanted:
            if ip in facts.machine.here:
                yield Passed(f"{ip} of {vrrp} is here")
                continue
            yield error(
                f"{vrrp}: vrrp_address {ip} is not on this machine",
                why="while it is missing, hakeeper does not believe that keepalived is MASTER",
                cure=f"vrrp_address: {_private(facts, vrrp)}    # this server's unicast_src_ip;"
                " see: ip -br address",
                place=facts.config.sections.get(vrrp, Place(facts.config.file)),
            )


def _private(facts: Facts, vrrp: VrrpId) -> str:
    read = facts.conf
    sources = [] if read is None else [one.source for one in read.members(vrrp) if one.source]
    here = [str(one.ip) for one in sources if one.ip in facts.machine.here]
    return next(iter(here), "ADDRESS")


def _unicast(facts: Facts, one: Instance) -> Iterator[Said]:
    if not one.peers:
        yield error(
            f"{one.name} has no unicast_peer",
            why="without one keepalived uses multicast, which Hetzner's networks do not carry:"
            " each node hears nobody, and is MASTER",
            cure="unicast_peer { ADDRESS }    # the private address of the other server",
            place=one.place,
        )
    own = [peer for peer in one.peers if peer.ip in facts.machine.here]
    for peer in own:
        yield error(
            f"{one.name}: the peer {peer.ip} is this machine itself",
            why="it speaks to itself, and the other server hears nothing",
            cure="unicast_peer { ADDRESS }    # the private address of the other server",
            place=peer.place,
        )
    source = one.source
    if source is not None and source.ip not in facts.machine.here:
        yield _no_source(facts, one, source)
    elif source is not None and one.peers and not own:
        yield Passed(f"{one.name} speaks from {source.ip}, which is here")


def _no_source(facts: Facts, one: Instance, source: Address) -> Finding:
    primary = facts.machine.primaries.get(one.interface or "")
    bring_up = f"ip address add {source.ip} dev {one.interface}    # or another unicast_src_ip"
    cure = bring_up if primary is None else f"unicast_src_ip {primary.ip}"
    return error(
        f"{one.name}: unicast_src_ip {source.ip} is not on this machine",
        why="without it keepalived hears no other server: it stays in FAULT, or thinks that it is"
        " MASTER, depending on its version",
        cure=cure,
        place=source.place,
    )


def _agreement(facts: Facts, vrrp: VrrpId, one: Instance) -> Iterator[Said]:
    wanted = facts.config.config.vrrp_addresses.get(vrrp, ())
    place = facts.config.sections.get(vrrp, Place(facts.config.file))
    source: IpAddress | None = None if one.source is None else one.source.ip
    if not wanted:
        yield warning(
            f"{vrrp} has no vrrp_address in hakeeper.yaml",
            why="if this server loses that address, keepalived hears nobody and says MASTER, and"
            " hakeeper believes it",
            cure=f"vrrp_address: {source or _primary(facts, one)}    # under {vrrp.name}",
            place=place,
        )
    elif source is not None and source in facts.machine.here and source not in wanted:
        yield warning(
            f"{vrrp}: vrrp_address is {', '.join(map(str, wanted))}, but keepalived speaks from"
            f" {source}",
            why="hakeeper watches another address than the one that matters",
            cure=f"vrrp_address: {source}",
            place=place,
        )


def _primary(facts: Facts, one: Instance) -> str:
    primary = facts.machine.primaries.get(one.interface or "")
    return "ADDRESS" if primary is None else str(primary.ip)


# --- switches ------------------------------------------------------------------------------------


def settings(facts: Facts) -> Iterator[Said]:
    """Are the switches on that make keepalived and hakeeper go together?"""
    read = facts.conf
    if read is None:
        return
    troubles: list[Said] = [*_bus(facts, read), *_others(facts, read)]
    yield from troubles or [
        Passed("enable_dbus, reload_check_config, vrrp_higher_prio_send_advert")
    ]


def _bus(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    state = facts.config.config.keepalived.state
    if state is StateSource.NONE:
        return
    if "enable_dbus" not in read.global_keywords:
        make = error if state is StateSource.DBUS else warning
        yield make(
            f"`enable_dbus` is missing, though keepalived.state is {state.value}",
            why="after a restart or lost lines, hakeeper cannot ask for the role, and waits for"
            " the next line",
            cure="enable_dbus    # in global_defs; then: systemctl restart keepalived",
            place=read.global_defs,
        )
    if BUS_NAME in read.global_keywords:
        make = error if state is StateSource.DBUS else warning
        yield make(
            f"`{BUS_NAME}` gives keepalived another name on the bus",
            why="hakeeper asks for org.keepalived.Vrrp1, which nobody has then",
            cure=f"leave `{BUS_NAME}` out",
            place=read.global_keywords[BUS_NAME],
        )


def _others(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    if "reload_check_config" not in read.global_keywords:
        yield warning(
            "`reload_check_config` is missing",
            why="a mistake in the file ends keepalived at the next reload, without a word",
            cure="reload_check_config    # in global_defs",
            place=read.global_defs,
        )
    everywhere = "vrrp_higher_prio_send_advert" in read.global_keywords
    for vrrp in facts.config.config.addresses:
        members = read.members(vrrp)
        silent = [one for one in members if "higher_prio_send_advert" not in one.keywords]
        if silent and not everywhere:
            yield warning(
                "`vrrp_higher_prio_send_advert` is missing",
                why="after a split the better server may not hear that there were two masters,"
                " and leaves a contested address with the other one for minutes",
                cure="vrrp_higher_prio_send_advert    # in global_defs, on all servers",
                place=read.global_defs,
            )
            return


def versions(facts: Facts) -> Iterator[Said]:
    """Does the installed keepalived know what the file uses?"""
    read, version = facts.conf, facts.keepalived.version
    if version is None:
        yield error(
            "there is no keepalived on this machine",
            why="without it nobody says who is master",
            cure="apt install keepalived",
        )
        return
    if read is None:
        return
    needed = [
        (SINCE[word], f"`{word}`", at) for word, at in read.all_keywords.items() if word in SINCE
    ]
    needed += [
        (FIFO_USER_SINCE, "a user on the FIFO line", line.place)
        for line in read.fifos
        if line.user is not None
    ]
    troubles: list[Said] = [
        error(
            f"keepalived {dotted(version)} does not know {what} (since {dotted(since)})",
            why=REFUSAL,
            cure=f"leave it out, or install keepalived {dotted(since)} or newer",
            place=place,
        )
        for since, what, place in needed
        if version < since
    ]
    yield from troubles or [Passed(f"keepalived {dotted(version)} knows what the file uses")]
