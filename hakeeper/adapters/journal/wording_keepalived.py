"""What the journal says of the FIFO, of keepalived and of its roles, one function a decision."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from hakeeper.adapters import cures
from hakeeper.adapters.journal.entry import Entry, of_vrrp
from hakeeper.core.decisions import keepalived as core
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.model import FifoState, IpAddress, Role
from hakeeper.diagnosis.problems import FIFO_CODES

# --- the FIFO and its lines ------------------------------------------------------------------


def _fifo_opened(made: core.FifoOpened) -> Entry:
    return Entry("fifo.opened", made.detail, {"reason": FifoState.OPEN.value})


def _fifo_recovered(made: core.FifoRecovered) -> Entry:
    return Entry("fifo.recovered", made.detail, {"reason": FifoState.OPEN.value})


def _fifo_replaced(made: core.FifoReplaced) -> Entry:
    return Entry("fifo.replaced", made.detail, {"reason": FifoState.OPEN.value})


def _fifo_failed(made: core.FifoFailed) -> Entry:
    cure = cures.fifo_cure(FIFO_CODES[made.state], made.path)
    text = f"cannot hear keepalived: {made.detail}; to mend it: {cure}"
    return Entry("fifo.failed", text, {"reason": made.state.value})


def _fifo_overflowed(made: core.FifoOverflowed) -> Entry:
    text = (
        f"lost lines of keepalived: {made.reason}; every role is UNKNOWN until it answers or "
        "writes again"
    )
    return Entry("fifo.overflowed", text, {"count": made.count})


def _line_rejected(made: core.LineRejected) -> Entry:
    bad = made.line
    text = f"ignored a line on the FIFO: {bad.shown!r} {bad.reason}"
    return Entry("line.rejected", text, {"reason": bad.reason})


def _lines_rejected(made: core.LinesRejected) -> Entry:
    text = f"ignored {made.count} more bad lines on the FIFO"
    return Entry("line.rejected", text, {"reason": "many", "count": made.count})


# --- keepalived and its roles ----------------------------------------------------------------


def _keepalived_runs(made: core.KeepalivedRuns) -> Entry:
    pid = made.process.pid
    return Entry("keepalived.seen", f"keepalived runs with pid {pid}", {"keepalived_pid": pid})


def _keepalived_stopped(made: core.KeepalivedStopped) -> Entry:
    text = f"keepalived was stopped: {made.reason}"
    return Entry("keepalived.stopped", text, {"reason": made.reason})


def _keepalived_lost(made: core.KeepalivedLost) -> Entry:
    if made.replaced:
        text = f"keepalived was replaced: {made.reason}; a MASTER of the old one no longer counts"
    else:
        text = (
            f"keepalived is gone: {made.reason}; no role is known until it runs again, and no "
            f"address is given up. To start it: {cures.KEEPALIVED_GONE}"
        )
    return Entry("keepalived.gone", text, {"reason": made.reason})


def _query_failed(made: core.QueryFailed) -> Entry:
    text = (
        f"cannot ask keepalived for its state: {made.reason}; a role stays UNKNOWN "
        f"until the next line. If it is missing: {cures.DBUS}"
    )
    return Entry("query.failed", text, {"reason": made.reason})


def _unknown_instance(made: core.UnknownInstance) -> Entry:
    text = (
        f"keepalived reports {made.vrrp}, which the configuration does not name; "
        "hakeeper ignores it"
    )
    return Entry("instance.unknown", text, of_vrrp(made))


def _role_unverified(_: core.RoleUnverified) -> Entry:
    text = (
        "lines came, but the keepalived that wrote them is not seen; believing them. "
        "Check keepalived.pid_file in the configuration"
    )
    return Entry("role.unverified", text)


def _role_changed(made: core.RoleChanged) -> Entry:
    before, after = made.before.value, made.after.value
    through = " (and through another role)" if before == after else ""
    return Entry(
        "role.changed",
        f"{made.vrrp}: {before} to {after}{through}: {made.reason}",
        {
            **of_vrrp(made),
            "role": after,
            "previous_role": before,
            "generation": made.generation,
            "reason": made.reason,
        },
    )


def _vrrp_address_missing(made: core.VrrpAddressMissing) -> Entry:
    missing = _joined(made.missing)
    cure = cures.cure_of("vrrp_address.missing", vrrp_address=missing)
    said = "says MASTER, but is isolated" if made.role is Role.MASTER else "is isolated"
    return Entry(
        "vrrp_address.missing",
        f"{made.vrrp}: keepalived {said}: vrrp_address {missing} is not on this machine; "
        f"nothing is claimed until it is. To look: {cure}",
        {**of_vrrp(made), "role": made.role.value, "vrrp_address": missing},
    )


def _vrrp_address_found(made: core.VrrpAddressFound) -> Entry:
    found = _joined(made.found)
    return Entry(
        "vrrp_address.found",
        f"{made.vrrp}: {found} is back on this machine; MASTER counts again in {made.wait_s:g} s",
        {**of_vrrp(made), "vrrp_address": found, "delay_s": made.wait_s},
    )


def _joined(addresses: Iterable[IpAddress]) -> str:
    return ", ".join(map(str, addresses))


WORDING: Final[Mapping[type[Decision], Callable[[Any], Entry]]] = {
    core.FifoOpened: _fifo_opened,
    core.FifoRecovered: _fifo_recovered,
    core.FifoReplaced: _fifo_replaced,
    core.FifoFailed: _fifo_failed,
    core.FifoOverflowed: _fifo_overflowed,
    core.LineRejected: _line_rejected,
    core.LinesRejected: _lines_rejected,
    core.KeepalivedRuns: _keepalived_runs,
    core.KeepalivedStopped: _keepalived_stopped,
    core.KeepalivedLost: _keepalived_lost,
    core.QueryFailed: _query_failed,
    core.UnknownInstance: _unknown_instance,
    core.RoleUnverified: _role_unverified,
    core.RoleChanged: _role_changed,
    core.VrrpAddressMissing: _vrrp_address_missing,
    core.VrrpAddressFound: _vrrp_address_found,
}
"""By the kind of decision."""
