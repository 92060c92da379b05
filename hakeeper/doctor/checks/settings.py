"""The global settings in keepalived.conf that hakeeper needs, and the version they need."""

from collections.abc import Iterator, Mapping
from typing import Final

from hakeeper.adapters import cures
from hakeeper.config import StateSource
from hakeeper.doctor.checks.conf import REFUSAL
from hakeeper.doctor.checks.config_test import NO_VIP
from hakeeper.doctor.checks.virtual_addresses import are_permanent
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, When, error, not_checked, warning
from hakeeper.doctor.keepalived_facts import Version

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
"""The version of keepalived that introduced each keyword."""
FIFO_USER_SINCE: Final[Version] = (2, 0, 16)
"""The first version that accepts a user on the FIFO line."""
_NO_BUILD_OPTIONS: Final = "Unable to read build config options file"
"""All that keepalived 2.3 of Debian says without /etc/keepalived/keepalived.config-opts."""
_RESTORE: Final = (
    "apt install --reinstall -o Dpkg::Options::=--force-confmiss keepalived    # it needs"
    " /etc/keepalived/keepalived.config-opts, a file of its package"
)
BUS_NAME: Final = "dbus_service_name"
_DEAF_TO_RELOADS: Final[Version] = (2, 3, 4)
"""Measured: 2.2.7 and 2.3.3 take a file in; newer ones than this were not tried."""


def settings(facts: Facts) -> Iterator[CheckResult]:
    """Check the settings that make keepalived and hakeeper work together."""
    read = facts.conf
    if read is None:
        return
    troubles: list[CheckResult] = [
        *_bus(facts, read),
        *_others(facts, read),
        *_not_reloaded(facts, read),
    ]
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
            f"`enable_dbus` is missing, but keepalived.state is {state.value}",
            why="after a restart or lost lines, hakeeper cannot query the role, and has to wait for"
            " the next line",
            cure=cures.DBUS,
            place=read.global_defs,
        )
    if BUS_NAME in read.global_keywords:
        make = error if state is StateSource.DBUS else warning
        yield make(
            f"`{BUS_NAME}` gives keepalived another name on D-Bus",
            why="hakeeper queries org.keepalived.Vrrp1, which does not exist then",
            cure=f"remove `{BUS_NAME}`",
            place=read.global_keywords[BUS_NAME],
        )


def _others(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    if "reload_check_config" not in read.global_keywords:
        yield warning(
            "`reload_check_config` is missing",
            why="a mistake in the file may make keepalived exit at the next reload, without an"
            " error message",
            cure=_reload_check(facts),
            place=read.global_defs,
        )
    everywhere = "vrrp_higher_prio_send_advert" in read.global_keywords
    for vrrp in facts.config.config.resources:
        members = read.members(vrrp)
        silent = [one for one in members if "higher_prio_send_advert" not in one.keywords]
        if silent and not everywhere:
            yield warning(
                "`vrrp_higher_prio_send_advert` is missing",
                why="after a split brain the server with the higher priority may not notice that"
                " there were two masters, and leaves the address with the other one for minutes",
                cure=f"vrrp_higher_prio_send_advert    # in global_defs, on all servers;"
                f" then: {cures.RELOAD}",
                place=read.global_defs,
            )
            return


def _not_reloaded(facts: Facts, read: KeepalivedConf) -> Iterator[Finding]:
    """Tell of changes that a reload did not bring; one that began without the word took them in."""
    seen = facts.keepalived
    if facts.has_reload_check and seen.is_changed and seen.version == _DEAF_TO_RELOADS:
        yield warning(
            "keepalived 2.3.4 may not have taken in the last change of its file",
            why="it was changed since keepalived started, and with `reload_check_config` this"
            " version goes on with the old one at a reload, though it says `Reload complete`",
            cure="systemctl restart keepalived    # one server after the other, the MASTER last and"
            " after `hakeeper step-down`",
            place=read.global_keywords["reload_check_config"],
            when=When.NOW,
        )


def _reload_check(facts: Facts) -> str:
    test = facts.keepalived.test
    if test is not None and test.code == 0:
        return cures.keepalived_conf("reload_check_config")
    if test is not None and are_permanent(facts) and any(NO_VIP in one for one in test.remarks):
        return (
            f"do not add it as long as no virtual_ipaddress has the {facts.config.noun}: with it,"
            " keepalived would not start"
        )
    return "first fix what keepalived reports about the file: with it, keepalived would not start"


def versions(facts: Facts) -> Iterator[CheckResult]:
    """Check that the installed keepalived knows the keywords that the file uses."""
    read, version = facts.conf, facts.keepalived.version
    if version is None:
        yield _no_version(facts, facts.keepalived.without_version)
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
    troubles: list[CheckResult] = [
        error(
            f"keepalived {_dotted(version)} does not know {what} (since {_dotted(since)})",
            why=REFUSAL,
            cure=f"remove it, or install keepalived {_dotted(since)} or newer",
            place=place,
        )
        for since, what, place in needed
        if version < since
    ]
    yield from troubles or [Passed(f"keepalived {_dotted(version)} knows what the file uses")]


def _no_version(facts: Facts, said: str | None) -> Finding:
    if said is None:
        return error(
            "keepalived is not installed on this machine",
            why="without keepalived there is no master",
            cure="apt install keepalived",
        )
    if not said:
        return not_checked(
            "keepalived: it did not answer `keepalived --version`", cure="keepalived --version"
        )
    if not facts.machine.is_root:  # who may not enter /etc/keepalived is told the same
        return not_checked(
            f"keepalived: to this user it says: {said}",
            cure="run the check as root: hakeeper check --online",
        )
    return error(
        f"keepalived does not start; it says: {said}",
        why="without keepalived there is no master",
        cure=_RESTORE if _NO_BUILD_OPTIONS in said else "keepalived --version    # what it says",
        when=When.ALWAYS if facts.keepalived.pid is None else When.NEXT_START,
    )


def _dotted(version: Version) -> str:
    """Return a version as text, such as 2.2.7."""
    return ".".join(map(str, version))
