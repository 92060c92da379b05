"""keepalived.conf: is it readable and valid, and does it define the configured instances?"""

import difflib
import re
import shlex
from collections.abc import Iterator
from string import Template
from typing import Final

from hakeeper.adapters.cures import missing_block, other_name
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.checks.config_test import (
    NO_INTERFACE,
    NO_VIP,
    ONLY_WITHOUT_ROOT,
    SCRIPTS_INSECURE,
    SECURE,
    VIP_LINE,
    Remark,
    gravest,
    parse_remarks,
)
from hakeeper.doctor.checks.ignored_lines import ignored_include, missing_because
from hakeeper.doctor.checks.track_scripts import insecure_programs
from hakeeper.doctor.checks.virtual_addresses import are_permanent, example_vip
from hakeeper.doctor.conf.configuration import Group, Instance, KeepalivedConf
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import (
    CheckResult,
    Finding,
    Passed,
    Place,
    When,
    error,
    not_checked,
    warning,
)
from hakeeper.doctor.keepalived_facts import ConfigTest, ConfUnreadable

REFUSAL: Final = (
    "with reload_check_config keepalived (2.2.7, 2.3.3) does not start then, and at a reload it"
    " keeps the old configuration"
)
_AS_ROOT: Final = "run the check as root: hakeeper check --online"
_TEST: Final = "keepalived --config-test -f"
_SHOWN_LIMIT: Final = 20
"""How many of keepalived's remarks are shown."""
_ONE_MEMBER: Final = re.compile(r"Sync group (\S+) has only 1 virtual router")
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
"""Keywords with a program that keepalived runs."""


# --- the file ----------------------------------------------------------------------------------


def conf(facts: Facts) -> Iterator[CheckResult]:
    """Check that hakeeper and keepalived can read keepalived.conf."""
    read = facts.keepalived.conf
    if isinstance(read, ConfUnreadable):
        yield _unreadable(facts, read)
        return
    troubles: list[CheckResult] = [
        *_unread(facts, read),
        *_tested(facts, read),
        *_scripts(facts, read),
        *_ipvs(facts, read),
    ]
    is_tested = facts.keepalived.test is not None
    told = "is accepted by keepalived" if is_tested else "can be read"
    yield from troubles or [Passed(f"{read.file} {told}")]


def _unread(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    for one in read.unread:
        yield not_checked(
            one.what,
            cure="see how keepalived reads it: kill -USR1 $(cat /run/keepalived.pid);"
            " less /tmp/keepalived.data",
            place=one.place,
        )
    if read.conditions and not facts.keepalived.is_config_id_sure:
        yield not_checked(
            "which lines that begin with `@` apply: this check assumed the config-id"
            f" {facts.keepalived.config_id}, this host's name",
            cure=_AS_ROOT,
            place=read.conditions[0],
        )


def _tested(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    """Judge the result of `keepalived --config-test`; see the module `config_test`."""
    test = facts.keepalived.test
    if facts.keepalived.writable_file:
        found = shlex.quote(facts.keepalived.writable_file)
        yield not_checked(
            f"keepalived's own test of the file: users other than root may write to {found} or to a"
            " directory above it, and keepalived must not read such a file as root",
            cure=f"namei -l {found}    # then chown root and chmod go-w whatever others may write",
            place=Place(read.file),
        )
        return
    if test is None:
        if facts.keepalived.version is not None:
            yield not_checked(
                "keepalived's own test of the file: it could not be run, or took too long",
                cure=f"{'' if facts.machine.is_root else 'as root: '}{_TEST} {read.file}",
                place=Place(read.file),
            )
        return
    if test.died_of:
        yield error(
            f"`keepalived --config-test` crashes on this file ({test.died_of})",
            why="keepalived would crash the same way at its next start or reload",
            cure=f"undo the last change; then: {_TEST} {read.file}",
            place=Place(read.file),
            when=When.NEXT_START,
        )
    elif test.code != 0:
        yield from _remarks(facts, read, test)


def _remarks(facts: Facts, read: KeepalivedConf, test: ConfigTest) -> Iterator[Finding]:
    lines = test.remarks
    is_lost_address_known = any(one.address is not None for one in read.ignored)
    if not test.by_root:
        lines = tuple(one for one in lines if not ONLY_WITHOUT_ROOT.search(one))
    remarks = parse_remarks(lines, read.file)
    shown = gravest(remarks, _SHOWN_LIMIT)
    for one in shown:
        if one.kind.loses and is_lost_address_known and not facts.has_reload_check:
            continue  # reported with its line, or with the address that is needed
        is_refused = one.kind.ends or one.kind.loses or facts.has_reload_check
        why = REFUSAL if facts.has_reload_check else f"{one.kind.does}, at a start and at a reload"
        yield (error if is_refused else warning)(
            f"keepalived says: {one.text}",
            why=why,
            cure=_cure(facts, read, one),
            place=one.place,
            when=When.ALWAYS if one.kind.loses else When.NEXT_START,
        )
    if left := len(remarks) - len(shown):
        yield warning(
            f"keepalived says more of this file than is shown here ({left} more)",
            why="nothing of it is worse than what is shown",
            cure=f"{_TEST} {read.file}",
            place=Place(read.file),
            when=When.NEXT_START,
        )
    if not remarks and not lines and not test.remarks:
        make = error if facts.has_reload_check else warning
        yield make(
            f"`keepalived --config-test` ends with code {test.code} and prints nothing",
            why=REFUSAL,
            cure=f"{_TEST} {read.file}",
            place=Place(read.file),
            when=When.NEXT_START,
        )


def _cure(facts: Facts, read: KeepalivedConf, one: Remark) -> str:
    """Return the way out of a remark, which must not break what hakeeper relies on."""
    if NO_VIP in one.text and are_permanent(facts):
        return (
            f"leave it as it is, without `reload_check_config`: the {facts.config.noun} is on this"
            " machine permanently"
        )
    match = _ONE_MEMBER.search(one.text)
    group = None if match is None else VrrpId(VrrpKind.GROUP, match[1])
    if group is not None and group in facts.config.config.resources:
        member = next((each.name for each in read.members(group)), "NAME")
        return (
            f"instances: {{{member}: …}} in place of groups: {{{group.name}: …}}    # in"
            " hakeeper.yaml; only then remove the vrrp_sync_group"
        )
    return one.cure(read.file, **example_vip(facts))


def _scripts(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    """Find script problems that `--config-test` does not report, or reports only to root."""
    for script in read.unused_scripts if facts.has_reload_check else ():
        yield error(
            f"no track_script uses the vrrp_script {script.arguments[0]}",
            why="with reload_check_config keepalived (2.2.7, 2.3.3) exits because of it, at a start"
            " and at a reload, although its --config-test finds nothing",
            cure=f"track_script {{ {script.arguments[0]} }}    # in a vrrp_instance; or remove the"
            " script",
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
            + (REFUSAL if facts.has_reload_check else "it still starts"),
            cure=SECURE,
            place=min(scripts),
            when=When.NEXT_START,
        )
    elif any(ONLY_WITHOUT_ROOT.search(one) for one in test.remarks):
        yield from insecure_programs(facts, read, REFUSAL)


def _ipvs(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    """Find what needs IPVS where the kernel has none; keepalived's own test finds nothing."""
    seen = facts.keepalived
    if seen.has_ipvs is not False:
        return
    place = read.all_keywords.get("virtual_server")
    if place is not None and seen.has_checkers:
        yield error(
            "the file has a `virtual_server`, but this kernel has no IPVS",
            why="keepalived's health checks exit then, and all of keepalived with them",
            cure="remove the virtual_server, or set DAEMON_ARGS=-P in /etc/default/keepalived",
            place=place,
            when=When.NEXT_START,
        )
    if read.lvs_sync is not None:
        yield error(
            f"the file has `{read.lvs_sync.keyword}`, but this kernel has no IPVS",
            why="keepalived's VRRP process exits then, or crashes again and again, and reports no"
            " role",
            cure=f"remove the line `{read.lvs_sync.keyword}`",
            place=read.lvs_sync.place,
            when=When.NEXT_START,
        )


def _unreadable(facts: Facts, read: ConfUnreadable) -> Finding:
    user = facts.machine.user
    place = Place(read.file)
    if not read.is_denied:
        return error(
            f"it cannot be read: {read.reason}",
            why="it is unknown whether keepalived reports its role to hakeeper and adds the"
            " addresses",
            cure="write it (see /usr/share/hakeeper/examples/keepalived), or name the right file:"
            " --keepalived-conf FILE",
            place=place,
            when=When.NEXT_START if facts.is_fifo_connected else When.ALWAYS,
        )
    what = f"{read.file} cannot be read by {user}: {read.reason}"
    cure = f"chgrp {user} {read.file} && chmod 0640 {read.file}    # or run the check as root"
    if all(facts.is_in_running_keepalived(vrrp) for vrrp in facts.config.config.resources):
        return not_checked(what, cure=cure, place=place)
    return error(
        what,
        why="nothing else shows whether keepalived has the instances and reports them to hakeeper",
        cure=cure,
        place=place,
    )


# --- names ---------------------------------------------------------------------------------------


def instances(facts: Facts) -> Iterator[CheckResult]:
    """Check that keepalived has every configured instance and group, each on an interface."""
    read = facts.conf
    if read is None:
        return
    for vrrp in facts.config.config.resources:
        members = read.members(vrrp)
        if not members or facts.is_in_conf(vrrp) is False:
            yield _unknown_name(facts, read, vrrp)
            continue
        troubles: list[CheckResult] = [
            found for one in members for found in _startable(facts, read, one)
        ]
        yield from troubles or [Passed(f"{vrrp} ({members[0].place})")]


def _unknown_name(facts: Facts, read: KeepalivedConf, vrrp: VrrpId) -> Finding:
    names = [name for name in read.names(vrrp.kind) if name != vrrp.name]
    keyword = "vrrp_instance" if vrrp.kind is VrrpKind.INSTANCE else "vrrp_sync_group"
    in_file, is_in_running_keepalived = facts.is_in_conf(vrrp), facts.is_in_running_keepalived(vrrp)
    group = None
    if vrrp.kind is VrrpKind.GROUP and not read.unread:
        group = next((one for one in read.groups if one.name == vrrp.name), None)
    # Trust keepalived's own parser first, then the running process, and this check's parser last.
    is_unclear = in_file is None and group is None and (is_in_running_keepalived or read.unread)
    if in_file or is_unclear:
        return not_checked(
            f"the {keyword} {vrrp.name}: keepalived has it, but this check does not find it"
            if in_file or is_in_running_keepalived
            else f"the {keyword} {vrrp.name}: it may be in a part that this check cannot read",
            cure="compare the name with the log: journalctl -u keepalived -n 50",
            place=facts.config.section(vrrp),
        )
    when = When.NEXT_START if is_in_running_keepalived else When.ALWAYS
    if group is not None:
        return _empty_group(read, group, when)
    if not names and (cause := ignored_include(read)) is not None:
        return missing_because(f"keepalived has no {keyword} {vrrp.name}", cause, when)
    configured = facts.config.config.resources
    unused = [name for name in names if VrrpId(vrrp.kind, name) not in configured]
    close = difflib.get_close_matches(vrrp.name, unused, n=1)
    right = close[0] if close else next(iter(unused), None)
    known = ", ".join(names) or "none"
    cure = missing_block(vrrp) if right is None else other_name(vrrp, right)
    return error(
        f"keepalived.conf has no {keyword} {vrrp.name}; it has: {known}",
        why="keepalived never reports a role for it, so its addresses are never claimed",
        cure=cure,
        place=facts.config.section(vrrp),
        when=when,
    )


def _empty_group(read: KeepalivedConf, group: Group, when: When) -> Finding:
    named = f"; it names: {', '.join(group.members)}" if group.members else ""
    known = " ".join(one.name for one in read.instances) or "NAME"
    return error(
        f"the vrrp_sync_group {group.name} has no instance of this file in its `group`{named}",
        why="keepalived removes such a group and never reports a role for it, so its addresses are"
        " never claimed",
        cure=f"group {{ {known} }}    # in vrrp_sync_group {group.name}",
        place=group.place,
        when=when,
    )


def _does_without_interface(facts: Facts, one: Instance) -> bool:
    """Say whether this keepalived starts the instance: newer ones do, if it speaks unicast."""
    test = facts.keepalived.test
    is_refused = test is None or any(NO_INTERFACE in remark for remark in test.remarks)
    return one.source is not None and bool(one.peers) and not is_refused


def _startable(facts: Facts, read: KeepalivedConf, one: Instance) -> Iterator[Finding]:
    interface = one.interface
    runs = facts.is_in_running_keepalived(VrrpId(VrrpKind.INSTANCE, one.name))
    when = When.NEXT_START if runs else When.ALWAYS
    is_seen = not facts.keepalived.other_namespace
    is_missing = (
        not _does_without_interface(facts, one)
        if interface is None
        else is_seen and interface not in facts.machine.interfaces
    )
    if is_missing:
        shown = (
            "no interface" if interface is None else f"interface {interface}, which does not exist"
        )
        names = ", ".join(sorted(facts.machine.interfaces - {"lo"})) or "none"
        is_waiting = interface is not None and "dynamic_interfaces" in read.global_keywords
        yield error(
            f"{one.name} has {shown}; this machine has: {names}",
            why="with dynamic_interfaces keepalived starts, but such an instance is in FAULT until"
            " there is one"
            if is_waiting
            else "keepalived does not start with such an instance",
            cure="interface NAME    # the one of the private network; see: ip -br address",
            place=one.interface_place or one.place,
            when=When.ALWAYS if is_waiting else when,
        )
    version = one.version or read.vrrp_version
    strict = "vrrp_strict" in read.global_keywords or "strict_mode" in one.keywords
    needs_vip = version == 3 or strict  # noqa: PLR2004  # VRRP's version
    if needs_vip and not one.vips:
        yield error(
            f"{one.name} has no virtual_ipaddress",
            why="with VRRP version 3 or vrrp_strict, keepalived does not start without one",
            cure=Template(VIP_LINE).substitute(example_vip(facts)),
            place=one.place,
            when=when,
        )
    if strict and one.vips:
        yield error(
            f"{one.name} uses vrrp_strict",
            why="keepalived then makes the kernel drop packets to the virtual addresses",
            cure="remove `vrrp_strict` and `strict_mode`",
            place=read.global_keywords.get("vrrp_strict") or one.keywords.get("strict_mode"),
        )
    if "no_accept" in one.keywords and one.vips and not strict:
        yield error(
            f"{one.name} has `no_accept`",
            why="keepalived then makes the kernel drop packets to the virtual addresses",
            cure="remove `no_accept`",
            place=one.keywords["no_accept"],
        )
    if "use_vmac" in one.keywords:
        yield warning(
            f"{one.name} has `use_vmac`",
            why="Hetzner's networks drop packets from any MAC address but the server's own; only"
            " unicast that keepalived sends from the interface itself passes",
            cure="remove `use_vmac`",
            place=one.keywords["use_vmac"],
        )
