"""Every entry of the journal, word for word: what a changed sentence looks like is seen here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from hakeeper.core import wording
from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.claim import Phases
from hakeeper.core.events import Report
from hakeeper.core.model import FloatingIp, Nobody, Other, Role, Server, VrrpId, VrrpKind
from hakeeper.core.roles import RoleChange
from tests.core.rules import check_report

VI = VrrpId(VrrpKind.INSTANCE, "VI_1")
SG = VrrpId(VrrpKind.GROUP, "SG")
IP = "203.0.113.10"
PRIVATE = (ip_address("10.0.0.2"), ip_address("fd00::2"))
SERVER = Server(id=42, name="web2", status="running", network_zone="eu-central")
CHANGE = RoleChange(VI, Role.BACKUP, Role.MASTER, "a reason", edge=True, check=False, live=True)
PHASES = Phases(line_s=10.0, sent_s=10.01, accepted_s=10.12643, finished_s=11.0, confirmed_s=11.5)
OF_VI = {"instance": "VI_1", "kind": "INSTANCE", "address": IP}


def failed(kind: FailureKind) -> Failure:
    return Failure(kind=kind, code="its_code", message="it broke")


LOOK = (
    "ip -br address    # is {} this server's own? then bring its interface up; if not, correct "
    "vrrp_address in hakeeper.yaml"
)
TOKEN = (
    "Hetzner console, Security, API tokens: make one that may read and write; then: install -m "
    "0600 /dev/stdin /etc/hakeeper/token; systemctl restart hakeeper    # paste it, Enter, "
    "Ctrl-D; retrying every 10 s until then"
)
REFUSED_IN_FULL = replace(failed(FailureKind.REFUSED), http_status=422, correlation_id="abc")


@pytest.mark.parametrize(
    ("entry", "event", "message", "fields"),
    [
        (
            lambda: wording.role_changed(CHANGE, 7),
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
            lambda: wording.role_changed(replace(CHANGE, vrrp=SG, before=Role.MASTER), 9),
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
            lambda: wording.vrrp_address_missing(VI, PRIVATE, Role.MASTER),
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
            lambda: wording.vrrp_address_missing(SG, PRIVATE, Role.BACKUP),
            "vrrp_address.missing",
            (
                "group SG: keepalived is isolated: vrrp_address 10.0.0.2, fd00::2 is not on this "
                "machine; nothing is claimed until it is. To look: "
                + LOOK.format("10.0.0.2, fd00::2")
            ),
            {
                "instance": "SG",
                "kind": "GROUP",
                "role": "BACKUP",
                "vrrp_address": "10.0.0.2, fd00::2",
            },
        ),
        (
            lambda: wording.vrrp_address_found(VI, PRIVATE, 3.0),
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
            lambda: wording.claim_started(VI, IP, Other(42), "web-b (id 42)", "a cause"),
            "claim.started",
            "VI_1: assigning 203.0.113.10 to this server (a cause); holder so far: web-b (id 42)",
            {**OF_VI, "holder": "42", "reason": "a cause"},
        ),
        (
            lambda: wording.claim_abandoned(SG, IP, "a reason"),
            "claim.abandoned",
            "group SG: giving up the claim to 203.0.113.10: a reason",
            {"instance": "SG", "kind": "GROUP", "address": "203.0.113.10", "reason": "a reason"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, failed(FailureKind.OUTCOME_UNKNOWN)),
            "claim.unknown",
            (
                "VI_1: assigning 203.0.113.10 failed: it broke (its_code); it may have been "
                "done; reading the holder"
            ),
            {**OF_VI, "reason": "outcome unknown", "error_code": "its_code"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, failed(FailureKind.LOCKED)),
            "claim.failed",
            (
                "VI_1: assigning 203.0.113.10 failed: it broke (its_code); something else is "
                "under way; reading the holder"
            ),
            {**OF_VI, "reason": "locked", "error_code": "its_code"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, failed(FailureKind.AUTH)),
            "token.rejected",
            ("VI_1: assigning 203.0.113.10 failed: it broke (its_code); to mend it: " + TOKEN),
            {**OF_VI, "reason": "auth", "error_code": "its_code"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, failed(FailureKind.NOT_FOUND)),
            "claim.refused",
            (
                "VI_1: assigning 203.0.113.10 failed: it broke (its_code); it needs a change "
                "by hand; retrying every 10 s"
            ),
            {**OF_VI, "reason": "not found", "error_code": "its_code"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, failed(FailureKind.REFUSED)),
            "claim.refused",
            (
                "VI_1: assigning 203.0.113.10 failed: it broke (its_code); it needs a change "
                "by hand; retrying every 10 s"
            ),
            {**OF_VI, "reason": "refused", "error_code": "its_code"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, failed(FailureKind.THROTTLED)),
            "api.throttled",
            ("VI_1: assigning 203.0.113.10 failed: it broke (its_code); waiting as Hetzner asks"),
            {**OF_VI, "reason": "throttled", "error_code": "its_code"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, failed(FailureKind.TRANSIENT)),
            "claim.failed",
            "VI_1: assigning 203.0.113.10 failed: it broke (its_code); retrying",
            {**OF_VI, "reason": "transient", "error_code": "its_code"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, failed(FailureKind.CANCELLED)),
            "claim.failed",
            "VI_1: assigning 203.0.113.10 failed: it broke (its_code); retrying",
            {**OF_VI, "reason": "cancelled", "error_code": "its_code"},
        ),
        (
            lambda: wording.claim_failed(VI, IP, REFUSED_IN_FULL),
            "claim.refused",
            (
                "VI_1: assigning 203.0.113.10 failed: it broke (its_code); it needs a change "
                "by hand; retrying every 10 s"
            ),
            {
                **OF_VI,
                "reason": "refused",
                "error_code": "its_code",
                "http_status": 422,
                "correlation_id": "abc",
            },
        ),
        (
            lambda: wording.claim_unknown(VI, IP, "what it is"),
            "claim.unknown",
            "VI_1: 203.0.113.10: what it is",
            {**OF_VI, "reason": "what it is"},
        ),
        (
            lambda: wording.address_confirmed(VI, IP, "a cause"),
            "address.confirmed",
            "VI_1: 203.0.113.10 is on this server already (a cause)",
            {**OF_VI, "holder": "us", "reason": "a cause"},
        ),
        (
            lambda: wording.address_claimed(VI, IP, "a cause", 2, PHASES),
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
            lambda: wording.address_claimed(
                VI, IP, "a cause", 0, Phases(line_s=10.0, confirmed_s=10.5)
            ),
            "address.claimed",
            "VI_1: claimed 203.0.113.10 in 500 ms (confirmed 500 ms); cause: a cause",
            {**OF_VI, "holder": "us", "reason": "a cause", "attempt": 1, "confirmed_ms": 500.0},
        ),
        (
            lambda: wording.address_drifted(VI, IP, Nobody(), "nobody"),
            "address.drifted",
            "VI_1: 203.0.113.10 was taken from this server, which is MASTER; nobody has it now",
            {**OF_VI, "holder": "nobody", "reason": "drift"},
        ),
        (
            lambda: wording.address_held_down(VI, IP, Other(42), "web-b (id 42)", 200.06),
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
            lambda: wording.address_resolved(VI, "web", IP, 4711),
            "address.resolved",
            "VI_1: web is floating IP 203.0.113.10 (id 4711)",
            {**OF_VI, "floating_ip_id": 4711},
        ),
        (
            lambda: wording.address_unresolved(VI, "web", wording.NOT_THERE),
            "address.unresolved",
            (
                "VI_1: web: this token's project has no such floating IP; correct floating_ips "
                "in the configuration, or use the token of its project"
            ),
            {"instance": "VI_1", "kind": "INSTANCE", "address": "web", "reason": "unresolved"},
        ),
        (
            lambda: wording.address_unresolved(VI, "web", wording.NAMED_TWICE),
            "address.unresolved",
            (
                "VI_1: web: it is the same floating IP as another entry of the configuration; "
                "name it once"
            ),
            {"instance": "VI_1", "kind": "INSTANCE", "address": "web", "reason": "unresolved"},
        ),
        (
            lambda: wording.address_renamed(
                VI, "web", FloatingIp(id=4711, name="www", network=ip_network(IP), server_id=1)
            ),
            "address.resolved",
            (
                "VI_1: the floating IP web is now called www; it stays ours until the next start; "
                "write its new name, or its id, into floating_ips of the configuration"
            ),
            {"instance": "VI_1", "kind": "INSTANCE", "address": "web", "floating_ip_id": 4711},
        ),
        (
            lambda: wording.address_blocked(VI, IP),
            "address.blocked",
            (
                "VI_1: 203.0.113.10 is blocked by Hetzner: no traffic reaches it, wherever it is; "
                "see Hetzner's mail about it (abuse), or use another floating IP"
            ),
            {**OF_VI, "reason": "blocked"},
        ),
        (
            lambda: wording.zone_differs(VI, IP, "us-east", SERVER),
            "address.zone_mismatch",
            (
                "VI_1: 203.0.113.10 belongs to network zone us-east, this server to eu-central; "
                "Hetzner may refuse to assign it"
            ),
            {**OF_VI, "reason": "network zone"},
        ),
        (
            lambda: wording.api_failed(failed(FailureKind.AUTH), "reading the holders"),
            "token.rejected",
            ("reading the holders failed: it broke (its_code); to mend it: " + TOKEN),
            {"reason": "auth", "error_code": "its_code"},
        ),
        (
            lambda: wording.api_failed(failed(FailureKind.THROTTLED), "reading the holders"),
            "api.throttled",
            "reading the holders failed: it broke (its_code); waiting as Hetzner asks",
            {"reason": "throttled", "error_code": "its_code"},
        ),
        (
            lambda: wording.api_failed(failed(FailureKind.TRANSIENT), "reading the holders"),
            "api.failed",
            (
                "reading the holders failed: it broke (its_code); hakeeper follows the roles, "
                "gives no address up, and retries"
            ),
            {"reason": "transient", "error_code": "its_code"},
        ),
        (
            lambda: wording.api_failed(REFUSED_IN_FULL, "reading a server"),
            "api.failed",
            (
                "reading a server failed: it broke (its_code); hakeeper follows the roles, gives "
                "no address up, and retries"
            ),
            {
                "reason": "refused",
                "error_code": "its_code",
                "http_status": 422,
                "correlation_id": "abc",
            },
        ),
        (
            lambda: wording.api_recovered(12.345),
            "api.recovered",
            "the Hetzner API answers again after 12.3 s",
            {"duration_s": 12.3},
        ),
        (
            lambda: wording.server_identified(SERVER, "the metadata service"),
            "server.identified",
            "this machine is server web2 (id 42), known from the metadata service",
            {"server_id": 42, "reason": "the metadata service"},
        ),
        (
            lambda: wording.server_unidentified(failed(FailureKind.NOT_FOUND)),
            "server.unidentified",
            (
                "it is not known yet which Hetzner server this is: it broke (its_code); nothing "
                "can be claimed until then; retrying"
            ),
            {"reason": "not found", "error_code": "its_code"},
        ),
        (
            lambda: wording.server_unidentified(failed(FailureKind.AUTH)),
            "token.rejected",
            ("asking which server this is failed: it broke (its_code); to mend it: " + TOKEN),
            {"reason": "auth", "error_code": "its_code"},
        ),
    ],
)
def test_each_entry_reads_and_can_be_filtered_as_here(
    entry: Callable[[], Report], event: str, message: str, fields: Mapping[str, str | float]
) -> None:
    report = entry()
    check_report(report)
    assert (event, message, fields) == (report.event, report.message, report.fields)
