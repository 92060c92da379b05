"""keepalived.conf: can it be read, and does it have our names?"""

import difflib
import shlex
from collections.abc import Iterator
from typing import Final

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.checks.leftout import left_out_include, missing_for
from hakeeper.doctor.checks.programs import insecure_programs
from hakeeper.doctor.checks.remarks import (
    NO_VIP,
    ONLY_WITHOUT_ROOT,
    SCRIPTS_INSECURE,
    SECURE,
    read_remarks,
)
from hakeeper.doctor.checks.virtual import is_for_good
from hakeeper.doctor.conf.meaning import Instance, KeepalivedConf
from hakeeper.doctor.facts import ConfigTest, ConfUnreadable, Facts
from hakeeper.doctor.finding import (
    Finding,
    Passed,
    Place,
    Said,
    When,
    error,
    not_looked_at,
    warning,
)

REFUSAL: Final = (
    "with reload_check_config keepalived does not start then (2.2.7, 2.3.3), and at a reload it"
    " goes on with the old file"
)
_AS_ROOT: Final = "run the check as root: hakeeper check --online"
_TEST: Final = "keepalived --config-test -f"
_SCRIPT_LINES: Final = (
    "track_script",
    "notify",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify_master_rx_lower_pri",
    "notify_fifo_script",
    "vrrp_notify_fifo_script",
)
"""Where keepalived is told to run something."""


# --- the file ----------------------------------------------------------------------------------


def conf(facts: Facts) -> Iterator[Said]:
    """Can it be read, by us and by keepalived?"""
    read = facts.keepalived.conf
    if isinstance(read, ConfUnreadable):
        yield _unreadable(facts, read)
        return
    troubles: list[Said] = [
        *_unread(facts, read),
        *_tested(facts, read),
        *_scripts(facts, read),
        *_virtual_servers(facts, read),
    ]
    yield from troubles or [Passed(f"{read.file} is accepted by keepalived")]


def _unread(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    for one in read.unread:
        yield not_looked_at(
            one.what,
            cure="see what keepalived makes of it: kill -USR1 $(cat /run/keepalived.pid);"
            " less /tmp/keepalived.data",
            place=one.place,
        )
    if read.conditions and not facts.keepalived.is_config_id_sure:
        yield not_looked_at(
            "which lines that begin with `@` count: they were read as for config-id"
            f" {facts.keepalived.config_id}, which is this host's name",
            cure=_AS_ROOT,
            place=read.conditions[0],
        )


def _tested(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    """Judge what keepalived's own test said; see `remarks`."""
    test = facts.keepalived.test
    if facts.keepalived.open_file:
        found = shlex.quote(facts.keepalived.open_file)
        yield not_looked_at(
            f"what keepalived says of the file: others than root may write {found}, or a folder on"
            " the way to it, and root's keepalived is not to read what others wrote",
            cure=f"namei -l {found}    # chown root and chmod go-w what is not root's alone",
            place=Place(read.file),
        )
        return
    if test is None:
        if facts.keepalived.version is not None:
            yield not_looked_at(
                "what keepalived says of the file: it could not be asked, or took too long",
                cure=f"{'' if facts.machine.is_root else 'as root: '}{_TEST} {read.file}",
                place=Place(read.file),
            )
        return
    if test.died_of:
        yield error(
            f"`keepalived --config-test` dies of {test.died_of} on this file",
            why="keepalived would die so at its next start, and at a reload",
            cure=f"take back what was changed last; then: {_TEST} {read.file}",
            place=Place(read.file),
            when=When.NEXT_START,
        )
    elif test.code != 0:
        yield from _remarks(facts, read, test)


def _remarks(facts: Facts, read: KeepalivedConf, test: ConfigTest) -> Iterator[Finding]:
    said = test.remarks
    is_loss_placed = any(one.address is not None for one in read.ignored)
    if not test.by_root:
        said = tuple(one for one in said if not ONLY_WITHOUT_ROOT.search(one))
    remarks = read_remarks(said, read.file)
    stays = (
        "leave it, and `reload_check_config` out: the floating IP stands on this machine for good"
    )
    for one in remarks:
        if one.kind.loses and is_loss_placed and not facts.has_reload_check:
            continue  # told with its line, or with the address that is needed
        is_refused = one.kind.ends or one.kind.loses or facts.has_reload_check
        why = REFUSAL if facts.has_reload_check else f"{one.kind.does}, at a start and at a reload"
        yield (error if is_refused else warning)(
            f"keepalived says: {one.text}",
            why=why,
            cure=stays if NO_VIP in one.text and is_for_good(facts) else one.cure(read.file),
            place=one.place,
            when=When.ALWAYS if one.kind.loses else When.NEXT_START,
        )
    if not remarks and not said and not test.remarks:
        make = error if facts.has_reload_check else warning
        yield make(
            f"`keepalived --config-test` ends with code {test.code}, and says nothing",
            why=REFUSAL,
            cure=f"{_TEST} {read.file}",
            place=Place(read.file),
            when=When.NEXT_START,
        )


def _scripts(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    """What `--config-test` does not tell, or not to who is not root."""
    for script in read.unused_scripts if facts.has_reload_check else ():
        yield error(
            f"no track_script names the vrrp_script {script.arguments[0]}",
            why="with reload_check_config keepalived (2.2.7, 2.3.3) ends at it, at a start and at"
            " a reload, though its --config-test finds nothing",
            cure=f"track_script {{ {script.arguments[0]} }}    # in a vrrp_instance; or leave the"
            " script out",
            place=script.place,
            when=When.NEXT_START,
        )
    test = facts.keepalived.test
    scripts = [read.all_keywords[word] for word in _SCRIPT_LINES if word in read.all_keywords]
    if not scripts or test is None or test.by_root or test.died_of:
        return
    if any(SCRIPTS_INSECURE in one for one in test.remarks):
        return
    if "enable_script_security" not in read.global_keywords:
        yield (error if facts.has_reload_check else warning)(
            "the file runs scripts without `enable_script_security`",
            why=f"keepalived, which runs as root, calls that a {SCRIPTS_INSECURE}; "
            + (REFUSAL if facts.has_reload_check else "it goes on all the same"),
            cure=SECURE,
            place=min(scripts),
            when=When.NEXT_START,
        )
    elif any(ONLY_WITHOUT_ROOT.search(one) for one in test.remarks):
        yield from insecure_programs(facts, read, REFUSAL)


def _virtual_servers(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    seen = facts.keepalived
    place = read.all_keywords.get("virtual_server")
    if place is not None and seen.has_ipvs is False and seen.has_checkers:
        yield error(
            "there is a `virtual_server`, and this kernel has no IPVS",
            why="keepalived's health checks end then, and all of keepalived with them",
            cure="leave the virtual_server out, or DAEMON_ARGS=-P in /etc/default/keepalived",
            place=place,
            when=When.NEXT_START,
        )


def _unreadable(facts: Facts, read: ConfUnreadable) -> Finding:
    user = facts.machine.user
    place = Place(read.file)
    if not read.is_denied:
        return error(
            f"it cannot be read: {read.reason}",
            why="whether keepalived tells hakeeper of its role, and has the addresses, is not"
            " known",
            cure="write it (see /usr/share/hakeeper/examples/keepalived), or name the right one:"
            " --keepalived-conf FILE",
            place=place,
            when=When.NEXT_START if facts.is_listened_to else When.ALWAYS,
        )
    what = f"{read.file} cannot be read by {user}: {read.reason}"
    cure = f"chgrp {user} {read.file} && chmod 0640 {read.file}    # or run the check as root"
    if all(facts.is_there_now(vrrp) for vrrp in facts.config.config.resources):
        return not_looked_at(what, cure=cure, place=place)
    return error(
        what,
        why="nothing else shows whether keepalived has the instances, and tells hakeeper of them",
        cure=cure,
        place=place,
    )


# --- names ---------------------------------------------------------------------------------------


def instances(facts: Facts) -> Iterator[Said]:
    """Does keepalived have every instance and group of hakeeper.yaml, on an interface?"""
    read = facts.conf
    if read is None:
        return
    for vrrp in facts.config.config.resources:
        members = read.members(vrrp)
        if not members or facts.is_in_file(vrrp) is False:
            yield _unknown_name(facts, read, vrrp)
            continue
        troubles: list[Said] = [said for one in members for said in _startable(facts, read, one)]
        yield from troubles or [Passed(f"{vrrp} ({members[0].place})")]


def _unknown_name(facts: Facts, read: KeepalivedConf, vrrp: VrrpId) -> Finding:
    names = [name for name in read.names(vrrp.kind) if name != vrrp.name]
    keyword = "vrrp_instance" if vrrp.kind is VrrpKind.INSTANCE else "vrrp_sync_group"
    in_file, is_there_now = facts.is_in_file(vrrp), facts.is_there_now(vrrp)
    # keepalived's own word counts; without it, what runs; and only then this check's reading.
    if in_file or (in_file is None and (is_there_now or read.unread)):
        return not_looked_at(
            f"the {keyword} {vrrp.name}: keepalived has it, and this check does not find it"
            if in_file or is_there_now
            else f"the {keyword} {vrrp.name}: it may stand in what this check cannot read",
            cure="compare the name with the log: journalctl -u keepalived -n 50",
            place=facts.config.section(vrrp),
        )
    when = When.NEXT_START if is_there_now else When.ALWAYS
    if not names and (cause := left_out_include(read)) is not None:
        return missing_for(f"keepalived has no {keyword} {vrrp.name}", cause, when)
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
        when=when,
    )


def _startable(facts: Facts, read: KeepalivedConf, one: Instance) -> Iterator[Finding]:
    interface = one.interface
    runs = facts.is_there_now(VrrpId(VrrpKind.INSTANCE, one.name))
    when = When.NEXT_START if runs else When.ALWAYS
    is_seen = not facts.keepalived.elsewhere
    if interface is None or (is_seen and interface not in facts.machine.interfaces):
        shown = "no interface" if interface is None else f"interface {interface}, which is not here"
        names = ", ".join(sorted(facts.machine.interfaces - {"lo"})) or "none"
        yield error(
            f"{one.name} has {shown}; this machine has: {names}",
            why="keepalived does not start with such an instance",
            cure="interface NAME    # that of the private network; see: ip -br address",
            place=one.interface_place or one.place,
            when=when,
        )
    version = one.version or read.vrrp_version
    strict = "vrrp_strict" in read.global_keywords or "strict_mode" in one.keywords
    needs_vip = version == 3 or strict  # noqa: PLR2004  # VRRP's version
    if needs_vip and not one.vips:
        yield error(
            f"{one.name} has no virtual_ipaddress",
            why="keepalived does not start with it in VRRP version 3, nor with vrrp_strict",
            cure="virtual_ipaddress { ADDRESS/32 dev eth0 }    # the floating IP",
            place=one.place,
            when=when,
        )
    if strict and one.vips:
        yield error(
            f"{one.name} runs with vrrp_strict",
            why="keepalived then has the kernel drop what is sent to the virtual addresses",
            cure="leave `vrrp_strict` out, and `strict_mode`",
            place=read.global_keywords.get("vrrp_strict") or one.keywords.get("strict_mode"),
        )
    if "no_accept" in one.keywords and one.vips and not strict:
        yield error(
            f"{one.name} has `no_accept`",
            why="keepalived then has the kernel drop what is sent to the virtual addresses",
            cure="leave `no_accept` out",
            place=one.keywords["no_accept"],
        )
    if "use_vmac" in one.keywords:
        yield warning(
            f"{one.name} has `use_vmac`",
            why="Hetzner's networks drop what comes from a MAC address that is not the server's;"
            " only unicast that keepalived sends from the interface itself passes",
            cure="leave `use_vmac` out",
            place=one.keywords["use_vmac"],
        )
