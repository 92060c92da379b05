"""Every entry of the journal, word for word: what a changed sentence looks like is seen here."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import get_args

import pytest

from hakeeper.adapters.cures import cure_of
from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.wording import WORDING, entry_of
from hakeeper.adapters.journal.wording_resources import READING
from hakeeper.core.calls import (
    Failure,
    FailureKind,
    Identify,
    Mutate,
    ReadActions,
    ReadAll,
    ReadServer,
    Request,
)
from hakeeper.core.choice import Owner
from hakeeper.core.decisions.claims import (
    ActionOverdue,
    ClaimAbandoned,
    ClaimFailed,
    ClaimStarted,
    ClaimUnseen,
    Phases,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceDrifted,
    ResourceHeldDown,
)
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import (
    FifoFailed,
    FifoOpened,
    FifoOverflowed,
    FifoRecovered,
    FifoReplaced,
    KeepalivedLost,
    KeepalivedRuns,
    KeepalivedStopped,
    LineRejected,
    LinesRejected,
    QueryFailed,
    RoleChanged,
    RoleUnverified,
    UnknownInstance,
    VrrpAddressFound,
    VrrpAddressMissing,
)
from hakeeper.core.decisions.operator import (
    ClaimPaused,
    PauseBegun,
    PauseEnded,
    PauseExpired,
    StepDownBegun,
    StepDownDone,
    StepDownExpired,
    StepDownFailed,
    StepDownOvertaken,
    StepDownProlonged,
    SteppedUp,
    TakeBegun,
)
from hakeeper.core.decisions.resources import (
    ApiFailed,
    ApiRecovered,
    ResourceBlocked,
    ResourceRenamed,
    ResourceResolved,
    ResourceUnresolved,
    ServerIdentified,
    ServerUnidentified,
    ZoneMismatch,
)
from hakeeper.core.decisions.selectors import (
    ResourceChosenTwice,
    ResourceDeselected,
    ResourceSelected,
    SelectorBroad,
    SelectorEmpty,
)
from hakeeper.core.events import Report
from hakeeper.core.kind import named_twice, not_there
from hakeeper.core.model import (
    FifoState,
    Pause,
    ProcessId,
    Role,
    Server,
    StepDown,
    StepDownEnd,
    VrrpId,
    VrrpKind,
)
from hakeeper.core.observation import Nobody, Other, Us
from hakeeper.core.roles.lines import BadLine
from hakeeper.kinds import FLOATING_IPS
from hakeeper.kinds.apis import CLOUD as CLOUD_API
from hakeeper.kinds.apis import ROBOT
from hakeeper.kinds.floating_ip import by_label
from tests.support.journal_entries import check_entry
from tests.support.resources import CLOUD, LIST, by_name, fip, floating_ip, read, this_server

VI = VrrpId(VrrpKind.INSTANCE, "VI_1")
VG = VrrpId(VrrpKind.GROUP, "VG")
SG = VrrpId(VrrpKind.GROUP, "SG")
IP = "203.0.113.10"
PRIVATE = (ip_address("10.0.0.2"), ip_address("fd00::2"))
SERVER = Server(id=42, name="web2", status="running")
CHANGE = RoleChanged(VI, Role.BACKUP, Role.MASTER, "a reason", 7)
PHASES = Phases(line_s=10.0, sent_s=10.01, accepted_s=10.12643, finished_s=11.0, confirmed_s=11.5)
STEP_DOWN = StepDown(
    by="ada",
    user_id=0,
    reason="a new kernel",
    since_s=10.0,
    until_s=610.0,
    vrrps=(VrrpId(VrrpKind.INSTANCE, "VI_1"),),
    yielded_s=12.0,
    claimed_s=13.5,
)
PAUSE = Pause(by="ada", user_id=0, reason="a new kernel", since_s=10.0, until_s=1810.0)
UNTIL_THEN = "No address is moved to this server until then. To end it: hakeeper resume"
LOGIN_CURE = cure_of("login.rejected")
OF_VI = {"instance": "VI_1", "kind": "INSTANCE", "address": IP}
LABELLED = by_label("role=web")
OF_SELECTED = {**OF_VI, "selector": "role=web"}
NAMED: Mapping[str, str | float] = {"resource_kind": "floating_ip", "resource_id": 4711}


def failed(kind: FailureKind) -> Failure:
    return Failure(kind=kind, code="its_code", message="it broke")


LOOK = (
    "ip -br address    # is {} this server's own? then bring its interface up; if not, correct "
    "vrrp_address in hakeeper.yaml"
)
TOKEN = (
    "Hetzner console, Security, API tokens: make one that may read and write; then: install -m "
    "0600 /dev/stdin /etc/hakeeper/token; systemctl restart hakeeper    # paste it, Enter, "
    "Ctrl-D; retrying until then"
)
REFUSED_IN_FULL = replace(failed(FailureKind.REFUSED), http_status=422, correlation_id="abc")


CASES: list[tuple[Decision, str, str, Mapping[str, str | float]]] = [
    (
        FifoOpened("a detail"),
        "fifo.opened",
        "a detail",
        {"reason": "open"},
    ),
    (
        FifoRecovered("a detail"),
        "fifo.recovered",
        "a detail",
        {"reason": "open"},
    ),
    (
        FifoReplaced("a detail"),
        "fifo.replaced",
        "a detail",
        {"reason": "open"},
    ),
    (
        FifoFailed(FifoState.BUSY, "a detail", "/run/hakeeper/notify.fifo"),
        "fifo.failed",
        (
            "cannot hear keepalived: a detail; to mend it: "
            "fuser -v /run/hakeeper/notify.fifo    # and stop that one"
        ),
        {"reason": "held by another reader"},
    ),
    (
        FifoOverflowed("why", 3),
        "fifo.overflowed",
        ("lost lines of keepalived: why; every role is UNKNOWN until it answers or writes again"),
        {"count": 3},
    ),
    (
        LineRejected(BadLine("is rubbish", "x")),
        "line.rejected",
        "ignored a line on the FIFO: 'x' is rubbish",
        {"reason": "is rubbish"},
    ),
    (
        LinesRejected(4),
        "line.rejected",
        "ignored 4 more bad lines on the FIFO",
        {"reason": "many", "count": 4},
    ),
    (
        KeepalivedRuns(ProcessId(100, 5000, "boot")),
        "keepalived.seen",
        "keepalived runs with pid 100",
        {"keepalived_pid": 100},
    ),
    (
        KeepalivedStopped("exited"),
        "keepalived.stopped",
        "keepalived was stopped: exited",
        {"reason": "exited"},
    ),
    (
        KeepalivedLost("killed", replaced=False),
        "keepalived.gone",
        (
            "keepalived is gone: killed; no role is known until it runs again, and no address "
            "is given up. To start it: journalctl -u keepalived -n 30; "
            "systemctl start keepalived"
        ),
        {"reason": "killed"},
    ),
    (
        KeepalivedLost("another process took its place", replaced=True),
        "keepalived.gone",
        (
            "keepalived was replaced: another process took its place; a MASTER of "
            "the old one no longer counts"
        ),
        {"reason": "another process took its place"},
    ),
    (
        QueryFailed("no bus"),
        "query.failed",
        (
            "cannot ask keepalived for its state: no bus; a role stays UNKNOWN until the next "
            "line. If it is missing: enable_dbus    # in global_defs of keepalived.conf; "
            "then: systemctl reload keepalived"
        ),
        {"reason": "no bus"},
    ),
    (
        UnknownInstance(SG),
        "instance.unknown",
        ("keepalived reports group SG, which the configuration does not name; hakeeper ignores it"),
        {"instance": "SG", "kind": "GROUP"},
    ),
    (
        RoleUnverified(),
        "role.unverified",
        (
            "lines came, but the keepalived that wrote them is not seen; believing them. "
            "Check keepalived.pid_file in the configuration"
        ),
        {},
    ),
    (
        CHANGE,
        "role.changed",
        "VI_1: BACKUP to MASTER: a reason",
        {
            "instance": "VI_1",
            "kind": "INSTANCE",
            "role": "MASTER",
            "previous_role": "BACKUP",
            "generation": 7,
            "reason": "a reason",
        },
    ),
    (
        replace(CHANGE, vrrp=SG, before=Role.MASTER, generation=9),
        "role.changed",
        "group SG: MASTER to MASTER (and through another role): a reason",
        {
            "instance": "SG",
            "kind": "GROUP",
            "role": "MASTER",
            "previous_role": "MASTER",
            "generation": 9,
            "reason": "a reason",
        },
    ),
    (
        VrrpAddressMissing(VI, PRIVATE, Role.MASTER),
        "vrrp_address.missing",
        (
            "VI_1: keepalived says MASTER, but is isolated: vrrp_address 10.0.0.2, fd00::2 is "
            "not on this machine; nothing is claimed until it is. To look: "
            + LOOK.format("10.0.0.2, fd00::2")
        ),
        {
            "instance": "VI_1",
            "kind": "INSTANCE",
            "role": "MASTER",
            "vrrp_address": "10.0.0.2, fd00::2",
        },
    ),
    (
        VrrpAddressMissing(SG, PRIVATE, Role.BACKUP),
        "vrrp_address.missing",
        (
            "group SG: keepalived is isolated: vrrp_address 10.0.0.2, fd00::2 is not on this "
            "machine; nothing is claimed until it is. To look: " + LOOK.format("10.0.0.2, fd00::2")
        ),
        {
            "instance": "SG",
            "kind": "GROUP",
            "role": "BACKUP",
            "vrrp_address": "10.0.0.2, fd00::2",
        },
    ),
    (
        VrrpAddressFound(VI, PRIVATE, 3.0),
        "vrrp_address.found",
        "VI_1: 10.0.0.2, fd00::2 is back on this machine; MASTER counts again in 3 s",
        {
            "instance": "VI_1",
            "kind": "INSTANCE",
            "vrrp_address": "10.0.0.2, fd00::2",
            "delay_s": 3.0,
        },
    ),
    (
        ClaimStarted(VI, IP, Other(42), "web-b (id 42)", "a cause"),
        "claim.started",
        "VI_1: assigning 203.0.113.10 to this server (a cause); holder so far: web-b (id 42)",
        {**OF_VI, "holder": "42", "reason": "a cause"},
    ),
    (
        ClaimStarted(VI, IP, Us(), "this server", "a cause"),
        "claim.started",
        (
            "VI_1: assigning 203.0.113.10 to this server (a cause); that it is here was read "
            "before this server lost the role, and may be old"
        ),
        {**OF_VI, "holder": "us", "reason": "a cause"},
    ),
    (
        ClaimAbandoned(SG, IP, "a reason"),
        "claim.abandoned",
        "group SG: giving up the claim to 203.0.113.10: a reason",
        {"instance": "SG", "kind": "GROUP", "address": "203.0.113.10", "reason": "a reason"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, failed(FailureKind.OUTCOME_UNKNOWN)),
        "claim.unknown",
        (
            "VI_1: assigning 203.0.113.10 failed: it broke (its_code); it may have been "
            "done; reading the holder"
        ),
        {**OF_VI, "api": "cloud", "reason": "outcome unknown", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, failed(FailureKind.LOCKED)),
        "claim.failed",
        "VI_1: assigning 203.0.113.10 failed: it broke (its_code); reading the holder",
        {**OF_VI, "api": "cloud", "reason": "locked", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, replace(failed(FailureKind.LOCKED), http_status=423)),
        "claim.failed",
        (
            "VI_1: assigning 203.0.113.10 failed: it broke (its_code); something else is "
            "under way; reading the holder"
        ),
        {**OF_VI, "api": "cloud", "reason": "locked", "error_code": "its_code", "http_status": 423},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, failed(FailureKind.AUTH)),
        "token.rejected",
        ("VI_1: assigning 203.0.113.10 failed: it broke (its_code); to mend it: " + TOKEN),
        {**OF_VI, "api": "cloud", "reason": "auth", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, failed(FailureKind.NOT_FOUND)),
        "claim.refused",
        (
            "VI_1: assigning 203.0.113.10 failed: it broke (its_code); it needs a change "
            "by hand; retrying until then"
        ),
        {**OF_VI, "api": "cloud", "reason": "not found", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, failed(FailureKind.REFUSED)),
        "claim.refused",
        (
            "VI_1: assigning 203.0.113.10 failed: it broke (its_code); it needs a change "
            "by hand; retrying until then"
        ),
        {**OF_VI, "api": "cloud", "reason": "refused", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, failed(FailureKind.THROTTLED)),
        "api.throttled",
        ("VI_1: assigning 203.0.113.10 failed: it broke (its_code); waiting as Hetzner asks"),
        {**OF_VI, "api": "cloud", "reason": "throttled", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, failed(FailureKind.TRANSIENT)),
        "claim.failed",
        "VI_1: assigning 203.0.113.10 failed: it broke (its_code); retrying",
        {**OF_VI, "api": "cloud", "reason": "transient", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, failed(FailureKind.CANCELLED)),
        "claim.failed",
        "VI_1: assigning 203.0.113.10 failed: it broke (its_code); retrying",
        {**OF_VI, "api": "cloud", "reason": "cancelled", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, CLOUD_API.name, REFUSED_IN_FULL),
        "claim.refused",
        (
            "VI_1: assigning 203.0.113.10 failed: it broke (its_code); it needs a change "
            "by hand; retrying until then"
        ),
        {
            **OF_VI,
            "api": "cloud",
            "reason": "refused",
            "error_code": "its_code",
            "http_status": 422,
            "correlation_id": "abc",
        },
    ),
    (
        ClaimUnseen(VI, IP, Other(42), "web-b (id 42)"),
        "claim.unknown",
        (
            "VI_1: 203.0.113.10: the assign succeeded, but web-b (id 42) has it still; "
            "assigning again"
        ),
        {
            **OF_VI,
            "reason": ("the assign succeeded, but web-b (id 42) has it still; assigning again"),
        },
    ),
    (
        ActionOverdue(VI, IP),
        "claim.unknown",
        ("VI_1: 203.0.113.10: the action has no end in sight; reading the holder instead"),
        {**OF_VI, "reason": "the action has no end in sight; reading the holder instead"},
    ),
    (
        ResourceConfirmed(VI, IP, "a cause"),
        "address.confirmed",
        "VI_1: 203.0.113.10 is on this server already (a cause)",
        {**OF_VI, "holder": "us", "reason": "a cause"},
    ),
    (
        ResourceClaimed(VI, IP, "a cause", 2, PHASES),
        "address.claimed",
        (
            "VI_1: claimed 203.0.113.10 in 1500 ms (sent 10 ms, accepted 126.4 ms, action done "
            "1000 ms, confirmed 1500 ms); cause: a cause"
        ),
        {
            **OF_VI,
            "holder": "us",
            "reason": "a cause",
            "attempt": 3,
            "sent_ms": 10.0,
            "accepted_ms": 126.4,
            "finished_ms": 1000.0,
            "confirmed_ms": 1500.0,
        },
    ),
    (
        ResourceClaimed(VI, IP, "a cause", 0, Phases(line_s=10.0, confirmed_s=10.5)),
        "address.claimed",
        "VI_1: claimed 203.0.113.10 in 500 ms (confirmed 500 ms); cause: a cause",
        {**OF_VI, "holder": "us", "reason": "a cause", "attempt": 1, "confirmed_ms": 500.0},
    ),
    (
        ResourceDrifted(VI, IP, Nobody(), "nobody"),
        "address.drifted",
        "VI_1: 203.0.113.10 was taken from this server, which is MASTER; nobody has it now",
        {**OF_VI, "holder": "nobody", "reason": "drift"},
    ),
    (
        ResourceHeldDown(VI, IP, Other(42), "web-b (id 42)", 200.06),
        "address.held_down",
        (
            "VI_1: web-b (id 42) keeps taking 203.0.113.10 although this server is MASTER; "
            "most likely both are MASTER. Holding down for 200 s. To look: "
            "hakeeper status; journalctl -u keepalived -n 30    # on both: who is MASTER, and "
            "why both; mostly VRRP does not get through between them"
        ),
        {**OF_VI, "holder": "42", "delay_s": 200.1},
    ),
    (
        ResourceResolved(VI, IP, by_name("web"), fip(4711)),
        "address.resolved",
        "VI_1: web is floating IP 203.0.113.10 (id 4711)",
        {**OF_VI, "resource_kind": "floating_ip", "resource_id": 4711},
    ),
    (
        ResourceUnresolved(VI, "web", not_there(FLOATING_IPS)),
        "address.unresolved",
        (
            "VI_1: web: this token's project has no such floating IP; correct floating_ips "
            "in the configuration, or use the token of its project"
        ),
        {"instance": "VI_1", "kind": "INSTANCE", "address": "web", "reason": "unresolved"},
    ),
    (
        ResourceUnresolved(VI, "web", named_twice(FLOATING_IPS)),
        "address.unresolved",
        (
            "VI_1: web: it is the same floating IP as another entry of the configuration; "
            "name it once"
        ),
        {"instance": "VI_1", "kind": "INSTANCE", "address": "web", "reason": "unresolved"},
    ),
    (
        ResourceRenamed(
            VI, "web", floating_ip(id=4711, name="www", network=ip_network(IP), server_id=1)
        ),
        "address.resolved",
        (
            "VI_1: the floating IP web is now called www; it stays ours until the next start; "
            "write its new name, or its id, into floating_ips of the configuration"
        ),
        {
            "instance": "VI_1",
            "kind": "INSTANCE",
            "address": "web",
            "resource_kind": "floating_ip",
            "resource_id": 4711,
        },
    ),
    (
        ResourceSelected(VI, IP, LABELLED, fip(4711)),
        "address.selected",
        "VI_1: floating IP 203.0.113.10 (id 4711) is chosen by label role=web",
        {**OF_SELECTED, "resource_kind": "floating_ip", "resource_id": 4711},
    ),
    (
        ResourceDeselected(VI, IP, LABELLED, None, is_listed=True),
        "address.deselected",
        (
            "VI_1: floating IP 203.0.113.10 is no longer chosen by label role=web: its labels have "
            "changed; it stays where it is"
        ),
        {**OF_SELECTED, "reason": "its labels have changed"},
    ),
    (
        ResourceDeselected(VI, IP, LABELLED, None, is_listed=False),
        "address.deselected",
        (
            "VI_1: floating IP 203.0.113.10 is no longer chosen by label role=web: the project no "
            "longer has it"
        ),
        {**OF_SELECTED, "reason": "the project no longer has it"},
    ),
    (
        ResourceDeselected(VI, IP, LABELLED, Owner(VG, by_name("web")), is_listed=True),
        "address.deselected",
        (
            "VI_1: floating IP 203.0.113.10 is no longer chosen by label role=web: it follows "
            "group VG as web now"
        ),
        {**OF_SELECTED, "reason": "it follows group VG as web now"},
    ),
    (
        ResourceChosenTwice(VI, IP, LABELLED, Owner(VG, by_label("env"))),
        "address.chosen_twice",
        (
            "VI_1: floating IP 203.0.113.10 is chosen by label role=web, and follows group VG as "
            "label env all the same"
        ),
        {**OF_SELECTED, "reason": "it follows group VG as label env"},
    ),
    (
        SelectorEmpty(VI, LABELLED, 7),
        "selector.empty",
        "VI_1: label role=web chooses no floating IP; the project has 7",
        {"instance": "VI_1", "kind": "INSTANCE", "selector": "role=web", "listed": 7},
    ),
    (
        SelectorBroad(VI, LABELLED, 5, 7),
        "selector.broad",
        (
            "VI_1: label role=web chooses 5 of the project's 7 floating IPs; is that what it is "
            "meant to choose?"
        ),
        {"instance": "VI_1", "kind": "INSTANCE", "selector": "role=web", "chosen": 5, "listed": 7},
    ),
    (
        ResourceBlocked(VI, IP),
        "address.blocked",
        (
            "VI_1: 203.0.113.10 is blocked by Hetzner: no traffic reaches it, wherever it is; "
            "see Hetzner's mail about it (abuse), or use another floating IP"
        ),
        {**OF_VI, "reason": "blocked"},
    ),
    (
        PauseBegun(PAUSE, 1800.0, kept=False),
        "pause.begun",
        f"paused for 1800 s by ada (uid 0): a new kernel. {UNTIL_THEN}",
        {"user": "ada", "user_id": 0, "delay_s": 1800, "reason": "a new kernel"},
    ),
    (
        PauseBegun(replace(PAUSE, by="", reason=""), 1799.6, kept=True),
        "pause.begun",
        f"still paused for 1800 s by uid 0. {UNTIL_THEN}",
        {"user": "0", "user_id": 0, "delay_s": 1800},
    ),
    (
        PauseEnded(PAUSE, "bob", 7, 61.24),
        "pause.ended",
        "the pause was ended by bob (uid 7) after 61 s; what is due is moved now",
        {"user": "bob", "user_id": 7, "duration_s": 61.2},
    ),
    (
        PauseExpired(PAUSE),
        "pause.expired",
        "the pause by ada (uid 0) is over; what is due is moved now",
        {"user": "ada", "user_id": 0, "duration_s": 1800.0},
    ),
    (
        StepDownBegun(STEP_DOWN, 600.0, kept=False),
        "step_down.begun",
        (
            "stepping down for 600 s by ada (uid 0): a new kernel. The priority of VI_1 is lowered,"
            " so that another node is MASTER. To end it: hakeeper step-up"
        ),
        {"user": "ada", "user_id": 0, "delay_s": 600, "reason": "a new kernel"},
    ),
    (
        StepDownBegun(replace(STEP_DOWN, by="", user_id=7, reason=""), 59.6, kept=True),
        "step_down.begun",
        (
            "still stepped down for 60 s by uid 7. The priority of VI_1 is lowered, so that"
            " another node is MASTER. To end it: hakeeper step-up"
        ),
        {"user": "7", "user_id": 7, "delay_s": 60},
    ),
    (
        StepDownDone(STEP_DOWN),
        "step_down.done",
        (
            "stepped down in 3.5 s: another node was MASTER after 2.0 s, and other servers had all"
            " addresses 1.5 s later. To come back: hakeeper step-up"
        ),
        {"user": "ada", "user_id": 0, "duration_s": 3.5, "yield_s": 2.0, "claim_s": 1.5},
    ),
    (
        StepDownProlonged(STEP_DOWN, 900.0),
        "step_down.prolonged",
        "stepped down for 900 s more by ada (uid 0): a new kernel",
        {"user": "ada", "user_id": 0, "delay_s": 900, "reason": "a new kernel"},
    ),
    (
        StepDownOvertaken(replace(STEP_DOWN, back_s=STEP_DOWN.since_s + 61.24)),
        "step_down.overtaken",
        (
            "MASTER again 61 s after the step-down: no better node is left, so this server claims"
            " as ever"
        ),
        {"user": "ada", "user_id": 0, "duration_s": 61.2},
    ),
    (
        SteppedUp(STEP_DOWN, "bob", 7, 61.24),
        "step_down.ended",
        (
            "the step-down was ended by bob (uid 7) after 61 s: keepalived has its own priority"
            " again"
        ),
        {"user": "bob", "user_id": 7, "duration_s": 61.2},
    ),
    (
        StepDownExpired(STEP_DOWN),
        "step_down.expired",
        "the step-down by ada (uid 0) is over: keepalived has its own priority again",
        {"user": "ada", "user_id": 0, "duration_s": 600.0},
    ),
    (
        StepDownFailed(STEP_DOWN, StepDownEnd.CAME_BACK, 5.02),
        "step_down.failed",
        (
            "the step-down by ada (uid 0) was taken back after 5 s: the node that became MASTER was"
            " lost before it had all addresses"
        ),
        {"user": "ada", "user_id": 0, "reason": "came_back", "duration_s": 5.0},
    ),
    (
        ClaimPaused(VI, IP, Other(42), "web-b (id 42)", "drift", PAUSE),
        "claim.paused",
        (
            "VI_1: 203.0.113.10 is due here (drift) and stays with web-b (id 42): hakeeper is "
            "paused by ada (uid 0). To move it: hakeeper resume"
        ),
        {**OF_VI, "holder": "42", "reason": "drift"},
    ),
    (
        TakeBegun(VI, IP, Other(42), "web-b (id 42)", "ada", 0),
        "take.begun",
        "VI_1: ada (uid 0) has 203.0.113.10 claimed now; holder so far: web-b (id 42)",
        {**OF_VI, "user": "ada", "user_id": 0, "holder": "42"},
    ),
    (
        ZoneMismatch(VI, IP, "us-east", "eu-central"),
        "address.zone_mismatch",
        (
            "VI_1: 203.0.113.10 belongs to network zone us-east, this server to eu-central; "
            "Hetzner may refuse to assign it"
        ),
        {**OF_VI, "reason": "network zone"},
    ),
    (
        ApiFailed(CLOUD_API.name, failed(FailureKind.AUTH), LIST),
        "token.rejected",
        ("reading the holders failed: it broke (its_code); to mend it: " + TOKEN),
        {"api": "cloud", "reason": "auth", "error_code": "its_code"},
    ),
    (
        ApiFailed(CLOUD_API.name, failed(FailureKind.THROTTLED), LIST),
        "api.throttled",
        "reading the holders failed: it broke (its_code); waiting as Hetzner asks",
        {"api": "cloud", "reason": "throttled", "error_code": "its_code"},
    ),
    (
        ApiFailed(CLOUD_API.name, failed(FailureKind.TRANSIENT), LIST),
        "api.failed",
        (
            "reading the holders failed: it broke (its_code); hakeeper follows the roles, "
            "gives no address up, and retries"
        ),
        {"api": "cloud", "reason": "transient", "error_code": "its_code"},
    ),
    (
        ApiFailed(CLOUD_API.name, REFUSED_IN_FULL, ReadServer(CLOUD, 42)),
        "api.failed",
        (
            "reading a server failed: it broke (its_code); hakeeper follows the roles, gives "
            "no address up, and retries"
        ),
        {
            "api": "cloud",
            "reason": "refused",
            "error_code": "its_code",
            "http_status": 422,
            "correlation_id": "abc",
        },
    ),
    (
        ApiFailed(CLOUD_API.name, failed(FailureKind.TRANSIENT), read(4711)),
        "api.failed",
        (
            "reading the holders failed: it broke (its_code); hakeeper follows the roles, "
            "gives no address up, and retries"
        ),
        {"api": "cloud", "reason": "transient", "error_code": "its_code"},
    ),
    (
        ApiFailed(CLOUD_API.name, failed(FailureKind.TRANSIENT), ReadActions(CLOUD, (77,))),
        "api.failed",
        (
            "reading an action failed: it broke (its_code); hakeeper follows the roles, "
            "gives no address up, and retries"
        ),
        {"api": "cloud", "reason": "transient", "error_code": "its_code"},
    ),
    (
        ApiFailed(ROBOT.name, failed(FailureKind.AUTH), ReadAll("failover_ip")),
        "login.rejected",
        (
            f"reading the holders failed: it broke (its_code); to mend it: {LOGIN_CURE}; trying"
            " again in 10 minutes, or after a restart"
        ),
        {"api": "robot", "reason": "auth", "error_code": "its_code"},
    ),
    (
        ClaimFailed(VI, IP, ROBOT.name, failed(FailureKind.THROTTLED)),
        "api.throttled",
        "VI_1: assigning 203.0.113.10 failed: it broke (its_code); waiting as Robot asks",
        {**OF_VI, "api": "robot", "reason": "throttled", "error_code": "its_code"},
    ),
    (
        ApiRecovered(ROBOT.name, 12.345),
        "api.recovered",
        "Robot answers again after 12.3 s",
        {"api": "robot", "duration_s": 12.3},
    ),
    (
        ServerIdentified(
            ROBOT.name, replace(this_server("198.51.100.1"), name="198.51.100.1"), "its route"
        ),
        "server.identified",
        "this machine is server 198.51.100.1, known from its route",
        {"api": "robot", "server_id": "198.51.100.1", "reason": "its route"},
    ),
    (
        ApiRecovered(CLOUD_API.name, 12.345),
        "api.recovered",
        "the Hetzner API answers again after 12.3 s",
        {"api": "cloud", "duration_s": 12.3},
    ),
    (
        ServerIdentified(CLOUD_API.name, SERVER, "the metadata service"),
        "server.identified",
        "this machine is server web2 (id 42), known from the metadata service",
        {"server_id": 42, "api": "cloud", "reason": "the metadata service"},
    ),
    (
        ServerUnidentified(CLOUD_API.name, failed(FailureKind.NOT_FOUND)),
        "server.unidentified",
        (
            "it is not known yet which Hetzner server this is: it broke (its_code); nothing "
            "can be claimed until then; retrying"
        ),
        {"api": "cloud", "reason": "not found", "error_code": "its_code"},
    ),
    (
        ApiFailed(CLOUD_API.name, failed(FailureKind.AUTH), Identify(CLOUD)),
        "token.rejected",
        ("asking which server this is failed: it broke (its_code); to mend it: " + TOKEN),
        {"api": "cloud", "reason": "auth", "error_code": "its_code"},
    ),
]
"""A decision, and the event, message and fields of its entry."""


@pytest.mark.parametrize(("decision", "event", "message", "fields"), CASES)
def test_each_entry_reads_and_can_be_filtered_as_here(
    decision: Decision, event: str, message: str, fields: Mapping[str, str | float]
) -> None:
    entry = entry_of(Report(decision))
    check_entry(entry)
    assert (event, message, fields) == (entry.event, entry.message, entry.fields)


def test_every_decision_has_its_words() -> None:
    every = set(get_args(Decision))
    assert every == set(WORDING)
    assert every == {type(decision) for decision, *_ in CASES}


def test_every_event_of_the_core_is_in_the_table() -> None:
    assert {event for _, event, *_ in CASES} < set(EVENTS)


@pytest.mark.parametrize("kind", FailureKind)
def test_every_class_of_failure_has_its_words(kind: FailureKind) -> None:
    failure = failed(kind)
    full = replace(failure, http_status=499, correlation_id="abc")
    for decision in (
        ClaimFailed(VI, IP, CLOUD_API.name, full),
        ApiFailed(CLOUD_API.name, full, ReadServer(CLOUD, 42)),
    ):
        entry = entry_of(Report(decision))
        check_entry(entry)
        assert "it broke (its_code)" in entry.message
        assert (499, "abc") == (entry.fields["http_status"], entry.fields["correlation_id"])
    check_entry(entry_of(Report(ServerUnidentified(CLOUD_API.name, full))))


@pytest.mark.parametrize("request_type", get_args(Request))
def test_every_request_but_an_assign_has_its_words(request_type: type[Request]) -> None:
    assert (request_type is not Mutate) is (request_type in READING)


def test_what_was_held_back_is_counted_in_the_message() -> None:
    entry = entry_of(Report(FifoOpened("a detail"), held_back=19))
    assert "a detail (and 19 before it were held back)" == entry.message
    assert {"reason": "open"} == entry.fields


@pytest.mark.parametrize("made", [ApiFailed, ClaimFailed])
def test_a_refused_token_of_a_file_is_to_be_written_to_that_file(made: type[object]) -> None:
    refused = failed(FailureKind.AUTH)
    decision = (
        ApiFailed(CLOUD_API.name, refused, LIST, "/etc/my-token")
        if made is ApiFailed
        else ClaimFailed(VI, IP, CLOUD_API.name, refused, "/etc/my-token")
    )
    said = entry_of(Report(decision)).message
    assert "; then: cat > /etc/my-token && systemctl reload-or-restart hakeeper    # paste" in said
