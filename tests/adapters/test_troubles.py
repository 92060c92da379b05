"""Every trouble, word for word: what a changed sentence looks like is seen here."""

from dataclasses import replace
from ipaddress import ip_address
from typing import get_args

import pytest

from hakeeper.adapters.cures import CHECK, REFUSALS, TOKEN_SOURCE, TROUBLES, cure_of
from hakeeper.adapters.problem_texts import TROUBLE_WORDS, Told, told
from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.choice import Owner
from hakeeper.core.keepalived.listener import NO_INSTANCE
from hakeeper.core.kind import named_twice
from hakeeper.core.model import FifoState, Pause, Role, StepDown, VrrpId, VrrpKind
from hakeeper.diagnosis.operator_problems import (
    ChosenTwice,
    HakeeperPaused,
    LeftByPause,
    NothingChosen,
    SteppedDown,
)
from hakeeper.diagnosis.problems import (
    ApiFails,
    Blocked,
    Disputed,
    FifoClosed,
    HeldDown,
    Isolated,
    IsolationEnds,
    KeepalivedDown,
    KeepalivedEnded,
    KeepalivedHangs,
    KeepalivedUnasked,
    KeepalivedUnseen,
    LeftHere,
    Nowhere,
    NoWriter,
    Pending,
    QuotaLow,
    ReadRefused,
    ReloadRefused,
    RoleDoubtful,
    RoleFault,
    RoleStopped,
    RoleUnheard,
    RoleUnknown,
    ServerUnknown,
    Trouble,
    Unauthorized,
    Unresolved,
)
from hakeeper.kinds import FLOATING_IPS
from hakeeper.kinds.apis import CLOUD as CLOUD_API
from hakeeper.kinds.apis import ROBOT
from hakeeper.kinds.floating_ip import by_label

VI = VrrpId(VrrpKind.INSTANCE, "VI_1")
VG = VrrpId(VrrpKind.GROUP, "VG")
SG = VrrpId(VrrpKind.GROUP, "SG")
API = "https://api.hetzner.cloud/v1"
WS = "https://robot-ws.your-server.de"
MAIN_IP = (
    "robot: {server: IP}    # in hakeeper.yaml: this server's main IP in Robot; then: systemctl"
    " reload hakeeper"
)
FIFO = "/run/hakeeper/notify.fifo"
WEB = "web = 203.0.113.10"
CURL = f"curl -v {API}    # and see https://status.hetzner.com"
BY_HAND = f"by hand: Cloud Console, Floating IPs, assign {WEB} to node1"


def failed(kind: FailureKind, code: str = "its_code") -> Failure:
    return Failure(kind=kind, code=code, message="it broke")


STEP_DOWN = StepDown(
    by="ada",
    user_id=0,
    reason="a new kernel",
    since_s=1.0,
    until_s=601.0,
    vrrps=(VrrpId(VrrpKind.INSTANCE, "VI_1"),),
    yielded_s=3.0,
    claimed_s=4.5,
)
PAUSE = Pause(by="ada", user_id=0, reason="a new kernel", since_s=1.0, until_s=61.0)
BROKE = failed(FailureKind.TRANSIENT)
REFUSED = failed(FailureKind.REFUSED)
READ_ONLY = failed(FailureKind.AUTH, "token_readonly")
SAID = "it broke (its_code)"
USUAL = ""
"""The cure of the code as it stands in `TROUBLES`."""

CASES: list[tuple[Trouble, str, str, str, str]] = [
    (
        ApiFails(CLOUD_API, replace(BROKE, http_status=503), API),
        "api.unreachable",
        "the Hetzner API answers with errors",
        SAID,
        CURL,
    ),
    (
        ApiFails(CLOUD_API, BROKE, API),
        "api.unreachable",
        "the Hetzner API cannot be reached",
        SAID,
        CURL,
    ),
    (
        ApiFails(CLOUD_API, failed(FailureKind.TRANSIENT, "dns"), API),
        "api.unresolved",
        "the Hetzner API cannot be reached",
        "it broke (dns)",
        "getent hosts api.hetzner.cloud    # then look at /etc/resolv.conf",
    ),
    (
        ApiFails(CLOUD_API, failed(FailureKind.THROTTLED), API),
        "api.throttled",
        "Hetzner takes no more calls for now",
        SAID,
        USUAL,
    ),
    (
        ApiFails(CLOUD_API, failed(FailureKind.AUTH), API, "/etc/hakeeper/my token"),
        "token.rejected",
        "Hetzner rejects the API token",
        SAID,
        (
            f"{TOKEN_SOURCE}; then: cat > '/etc/hakeeper/my token' &&"
            " systemctl reload-or-restart hakeeper"
            "    # paste it, Enter, Ctrl-D"
        ),
    ),
    (
        Unauthorized(ROBOT, WEB, failed(FailureKind.AUTH), WS, "/srv/login"),
        "login.rejected",
        "Robot refuses the assign of web = 203.0.113.10",
        SAID,
        (
            "Robot, Settings, Webservice and app settings: set a password; then:"
            " cat > /srv/login && systemctl reload-or-restart hakeeper"
            "    # paste USER:PASSWORD, Enter, Ctrl-D; the third refused login blocks this"
            " server's address"
        ),
    ),
    (
        ApiFails(CLOUD_API, failed(FailureKind.AUTH), API),
        "token.rejected",
        "Hetzner rejects the API token",
        SAID,
        USUAL,
    ),
    (
        ApiFails(CLOUD_API, READ_ONLY, API),
        "token.readonly",
        "the API token may only read",
        "it broke (token_readonly)",
        USUAL,
    ),
    (
        ApiFails(CLOUD_API, REFUSED, API),
        "api.refused",
        "the Hetzner API cannot be used",
        SAID,
        USUAL,
    ),
    (
        ApiFails(ROBOT, replace(BROKE, http_status=503), WS),
        "api.unreachable",
        "Robot answers with errors",
        SAID,
        f"curl -v {WS}    # and see https://status.hetzner.com",
    ),
    (
        ApiFails(ROBOT, failed(FailureKind.THROTTLED), WS),
        "api.throttled",
        "Robot takes no more calls for now",
        SAID,
        "find what else uses this login: Robot grants 100 reads and 50 switches an hour",
    ),
    (
        ApiFails(ROBOT, failed(FailureKind.AUTH), WS),
        "login.rejected",
        "Robot refuses the login",
        SAID,
        USUAL,
    ),
    (
        ServerUnknown(ROBOT, REFUSED),
        "server.unidentified",
        "which Robot server this is, is not known",
        SAID,
        MAIN_IP,
    ),
    (
        Unauthorized(ROBOT, WEB, failed(FailureKind.AUTH), WS),
        "login.rejected",
        f"Robot refuses the assign of {WEB}",
        SAID,
        USUAL,
    ),
    (
        ReadRefused(CLOUD_API, REFUSED),
        "api.refused",
        "Hetzner refuses to let the addresses be read",
        SAID,
        USUAL,
    ),
    (
        QuotaLow(CLOUD_API, 359, 3600),
        "quota.low",
        "359 of 3600 API calls are left in this hour",
        "",
        USUAL,
    ),
    (
        ServerUnknown(CLOUD_API, None),
        "server.unidentified",
        "which Hetzner server this is, is not known",
        "the API has not confirmed it yet",
        USUAL,
    ),
    (
        ServerUnknown(CLOUD_API, REFUSED),
        "server.unidentified",
        "which Hetzner server this is, is not known",
        SAID,
        USUAL,
    ),
    (
        ReloadRefused("hakeeper.yaml:3: no"),
        "config.refused",
        "a reload was refused: the old configuration is in force, and the next start would fail",
        "hakeeper.yaml:3: no",
        USUAL,
    ),
    (
        SteppedDown(STEP_DOWN),
        "hakeeper.stepped_down",
        "this server stepped down for ada (uid 0): other nodes go first",
        "a new kernel",
        USUAL,
    ),
    (
        HakeeperPaused(PAUSE),
        "hakeeper.paused",
        "hakeeper is paused by ada (uid 0): it moves nothing",
        "a new kernel",
        USUAL,
    ),
    (
        HakeeperPaused(replace(PAUSE, by="", user_id=7, reason="")),
        "hakeeper.paused",
        "hakeeper is paused by uid 7: it moves nothing",
        "",
        USUAL,
    ),
    (
        LeftByPause(WEB, "web-b (id 42)"),
        "address.paused",
        f"{WEB} stays with web-b (id 42), although this server is MASTER",
        "hakeeper is paused",
        USUAL,
    ),
    (
        FifoClosed(None, "not opened yet", FIFO),
        "fifo.missing",
        "keepalived cannot be heard",
        "not opened yet",
        "systemd-tmpfiles --create hakeeper.conf && systemctl reload keepalived",
    ),
    (
        FifoClosed(FifoState.BUSY, "a detail", FIFO),
        "fifo.busy",
        "keepalived cannot be heard",
        "a detail",
        f"fuser -v {FIFO}    # and stop that one",
    ),
    (
        NoWriter(FIFO),
        "fifo.no_writer",
        f"keepalived runs, but does not write to {FIFO}",
        "its configuration has no such line, or it holds another file of that name",
        (
            "systemctl reload keepalived    # if that is not enough: vrrp_notify_fifo "
            f"{FIFO} hakeeper hakeeper in global_defs of keepalived.conf first"
        ),
    ),
    (
        KeepalivedUnseen(),
        "keepalived.unseen",
        "keepalived writes lines, but its process is not seen",
        "keepalived.pid_file leads to no keepalived",
        "keepalived: {pid_file: PATH}    # in hakeeper.yaml; see: ls /run/*keepalived*",
    ),
    (KeepalivedDown(), "keepalived.stopped", "keepalived was stopped in order", "", USUAL),
    (
        KeepalivedEnded("its main process 7 ended"),
        "keepalived.gone",
        "keepalived does not run",
        "its main process 7 ended",
        USUAL,
    ),
    (
        KeepalivedEnded(""),
        "keepalived.gone",
        "keepalived does not run",
        "keepalived.pid_file leads to no keepalived",
        USUAL,
    ),
    (
        KeepalivedHangs("no answer"),
        "keepalived.hangs",
        "keepalived hangs: nothing is taken from another server until it answers",
        "asked over D-Bus: no answer",
        USUAL,
    ),
    (
        KeepalivedUnasked("no bus"),
        "keepalived.unasked",
        "keepalived.state is dbus, and keepalived cannot be asked",
        "no bus",
        USUAL,
    ),
    (
        RoleDoubtful(SG, Role.MASTER),
        "role.doubtful",
        "group SG: that it is MASTER is doubtful",
        "the FIFO was replaced or read by another process, so lines may be lost",
        USUAL,
    ),
    (
        RoleUnknown(VI, ""),
        "role.unknown",
        "VI_1: the role is not known",
        "keepalived runs, but has not said it",
        USUAL,
    ),
    (
        RoleUnknown(VI, "no bus"),
        "role.unknown",
        "VI_1: the role is not known",
        "keepalived runs, but has not said it; it cannot be asked: no bus",
        cure_of("keepalived.unasked"),
    ),
    (
        RoleUnknown(VI, NO_INSTANCE),
        "role.unknown",
        "VI_1: the role is not known",
        f"keepalived runs, but has not said it; it cannot be asked: {NO_INSTANCE}",
        USUAL,
    ),
    (
        RoleUnheard(
            VI,
            was_named=False,
            others=("VA", "VB", "VC", "VD", "VE", "VF"),
            is_surely_missing=False,
        ),
        "role.unheard",
        "keepalived never speaks of VI_1",
        "it speaks of VA, VB, VC, VD, VE",
        "instances: {VA: …}    # in hakeeper.yaml; then: systemctl reload hakeeper",
    ),
    (
        RoleUnheard(VI, was_named=False, others=("VA",)),
        "role.unheard",
        "keepalived has no VI_1",
        "it speaks of VA",
        "instances: {VA: …}    # in hakeeper.yaml; then: systemctl reload hakeeper",
    ),
    (
        RoleUnheard(VI, was_named=False, others=()),
        "role.unheard",
        "keepalived has no VI_1",
        "every name that it has is in hakeeper.yaml already",
        "vrrp_instance VI_1 { … }    # in keepalived.conf; then: systemctl reload keepalived",
    ),
    (
        RoleUnheard(SG, was_named=True, others=()),
        "role.unheard",
        "keepalived has no group SG any more",
        "every name that it has is in hakeeper.yaml already",
        "vrrp_sync_group SG { … }    # in keepalived.conf; then: systemctl reload keepalived",
    ),
    (
        RoleFault(VI),
        "role.fault",
        "VI_1 is in FAULT: this server cannot become MASTER",
        "",
        USUAL,
    ),
    (
        RoleStopped(VI),
        "role.stopped",
        "VI_1 was stopped or removed by keepalived, which runs",
        "",
        USUAL,
    ),
    (
        Isolated(VI, (ip_address("10.0.0.2"), ip_address("fd00::2"))),
        "vrrp_address.missing",
        "VI_1: nothing is claimed: vrrp_address 10.0.0.2, fd00::2 is not on this machine",
        "",
        (
            "ip -br address    # is 10.0.0.2, fd00::2 this server's own? then bring its interface "
            "up; if not, correct vrrp_address in hakeeper.yaml"
        ),
    ),
    (
        IsolationEnds(VI),
        "vrrp_address.returning",
        "VI_1: its private address is back; giving a better master time to speak",
        "",
        USUAL,
    ),
    (
        Unresolved(VI, FLOATING_IPS.noun, "203.0.113.10", named_twice(FLOATING_IPS)),
        "address.unresolved",
        "VI_1: floating IP 203.0.113.10 is listed twice",
        "it is the same floating IP as another entry of the configuration; name it once",
        CHECK,
    ),
    (
        Unresolved(VI, "floating IP", "web", "a reason"),
        "address.unresolved",
        "VI_1: floating IP web is not found",
        "a reason",
        USUAL,
    ),
    (
        Unresolved(VI, "alias IP", "10.0.0.100", "a reason"),
        "address.unresolved",
        "VI_1: alias IP 10.0.0.100 is not found",
        "a reason",
        CHECK,
    ),
    (
        NothingChosen(VI, "floating IP", "label role=web", 3),
        "selector.empty",
        "VI_1: label role=web chooses no floating IP",
        "none of the floating IPs of the token's project has such labels; it has 3",
        "",
    ),
    (
        ChosenTwice(VI, "203.0.113.10", "label role=web", Owner(VG, by_label("env"))),
        "address.chosen_twice",
        "VI_1: label role=web chooses 203.0.113.10, which follows group VG",
        "label env of group VG, which stands first in the configuration, has it",
        "",
    ),
    (
        Blocked(WEB),
        "address.blocked",
        f"{WEB} is blocked by Hetzner: no traffic reaches it",
        "",
        USUAL,
    ),
    (
        HeldDown(WEB, "web-b (id 42)"),
        "address.held_down",
        (f"{WEB} is held by web-b (id 42), which takes it back although this server is MASTER"),
        "",
        USUAL,
    ),
    (
        Disputed(WEB),
        "address.disputed",
        f"another server took {WEB} while this one was MASTER",
        "it may be MASTER, too, and try again; or somebody moved it by hand",
        USUAL,
    ),
    (
        Unauthorized(CLOUD_API, WEB, READ_ONLY, API),
        "token.readonly",
        f"Hetzner refuses the assign of {WEB}",
        "the token may only read (token_readonly)",
        USUAL,
    ),
    (
        Unauthorized(CLOUD_API, WEB, failed(FailureKind.AUTH), API),
        "token.rejected",
        f"Hetzner refuses the assign of {WEB}",
        SAID,
        USUAL,
    ),
    (
        Pending(WEB, None, "node1", "reading the holder", API, "floating_ip"),
        "address.pending",
        f"{WEB} is not confirmed on this server, which is MASTER",
        "reading the holder",
        BY_HAND,
    ),
    (
        Pending(WEB, None, None, "reading the holder", API, "floating_ip"),
        "address.pending",
        f"{WEB} is not confirmed on this server, which is MASTER",
        "which Hetzner server this is, is not known",
        cure_of("server.unidentified"),
    ),
    (
        Pending(WEB, REFUSED, None, "about to assign", API, "floating_ip"),
        "address.pending",
        f"{WEB} is not confirmed on this server, which is MASTER",
        SAID,
        f"by hand: Cloud Console, Floating IPs, assign {WEB} to this server",
    ),
    *(
        (
            Pending(
                "10.0.0.100",
                failed(FailureKind.REFUSED, code),
                "node1",
                "it broke",
                API,
                "alias_ip",
                "7",
            ),
            "address.pending",
            "10.0.0.100 is not confirmed on this server, which is MASTER",
            f"it broke ({code})",
            REFUSALS[code].format(server="node1", network="7"),
        )
        for code in ("not_attached", "no_room", "ip_not_available")
    ),
    (
        Pending(WEB, BROKE, "node1", "about to assign", API, "floating_ip"),
        "address.pending",
        f"{WEB} is not confirmed on this server, which is MASTER",
        SAID,
        f"{CURL}; {BY_HAND}",
    ),
    (
        LeftHere(WEB, Role.BACKUP),
        "address.left_here",
        f"{WEB} is on this server, which is BACKUP",
        "no MASTER has claimed it",
        USUAL,
    ),
    (Nowhere(WEB), "address.nowhere", f"{WEB} is on no server", "", USUAL),
    (
        Nowhere(WEB, "web-b (id 42)", "off"),
        "address.nowhere",
        f"{WEB} is on web-b (id 42), which is off",
        "",
        USUAL,
    ),
]
"""A trouble, its code, and what is told of it: what, cause, cure."""


@pytest.mark.parametrize(("trouble", "code", "what", "cause", "cure"), CASES)
def test_each_trouble_is_told_as_here(
    trouble: Trouble, code: str, what: str, cause: str, cure: str
) -> None:
    assert code == trouble.code
    assert code in TROUBLES
    assert Told(what, cause, cure or TROUBLES[code].cure) == told(trouble)


def test_every_trouble_has_its_words() -> None:
    every = set(get_args(Trouble))
    assert every == set(TROUBLE_WORDS)
    assert every == {type(trouble) for trouble, *_ in CASES}


@pytest.mark.parametrize("kind", FailureKind)
def test_every_class_of_failure_of_the_api_has_a_code_with_a_cure(kind: FailureKind) -> None:
    found = told(ApiFails(CLOUD_API, failed(kind), API))
    assert SAID == found.cause
    assert found.what
    assert found.cure
