"""The kinds of journal entry: name, priority, MESSAGE_ID.

The ids are for ever: they are what `journalctl MESSAGE_ID=…` and the catalog key on.
"""

from collections.abc import Mapping

from hakeeper.adapters.journal.eventkind import EventKind, Level
from hakeeper.adapters.journal.hook_events import HOOK_EVENTS
from hakeeper.adapters.journal.pause_events import PAUSE_EVENTS
from hakeeper.adapters.journal.selector_events import SELECTOR_EVENTS
from hakeeper.adapters.journal.shell_events import SHELL_EVENTS
from hakeeper.adapters.journal.step_down_events import STEP_DOWN_EVENTS

_OF = ("instance", "kind", "address")
_ERROR = ("api", "reason", "error_code")
_HTTP = ("http_status", "correlation_id")


EVENTS: Mapping[str, EventKind] = {
    "role.changed": EventKind(
        Level.NOTICE,
        "407758f57e0c47b79f6317f4d71d1b7b",
        "The role of a VRRP instance or sync group has changed",
        always=("instance", "kind", "role", "previous_role", "generation", "reason"),
        operator=True,
    ),
    "role.unverified": EventKind(
        Level.WARNING,
        "690752c7289f4e38bde1334cb39da1f9",
        "Roles are taken from lines whose keepalived cannot be seen",
    ),
    "keepalived.seen": EventKind(
        Level.INFO,
        "dbf565c633864cc3bb2e57433917d855",
        "keepalived runs",
        always=("keepalived_pid",),
    ),
    "keepalived.gone": EventKind(
        Level.WARNING,
        "cc41e84fbbe142a7a5a0abde6d1b452e",
        "keepalived is gone",
        always=("reason",),
        operator=True,
    ),
    "query.failed": EventKind(
        Level.WARNING,
        "5d9bb6c1625447b7899423a469af7a02",
        "keepalived cannot be asked for its roles",
        always=("reason",),
    ),
    "fifo.opened": EventKind(
        Level.INFO,
        "ae64a75a55df4a86b43977e5bb3b6a32",
        "Listening on keepalived's notify FIFO",
        always=("reason",),
    ),
    "fifo.replaced": EventKind(
        Level.NOTICE,
        "e93f4d6bba8a44d2986372905533aa20",
        "The notify FIFO was replaced, and opened anew",
        always=("reason",),
    ),
    "fifo.failed": EventKind(
        Level.ERROR,
        "467cc23812b742fcb8bba14537fac786",
        "The notify FIFO cannot be read",
        always=("reason",),
        operator=True,
    ),
    "fifo.overflowed": EventKind(
        Level.WARNING,
        "abe4744fde694ba38c89b8bd2bf40db5",
        "Lines of keepalived were lost",
        always=("count",),
    ),
    "line.rejected": EventKind(
        Level.WARNING,
        "62813ca0f2424496b547da11f0350fbb",
        "A line on the notify FIFO was ignored",
        always=("reason",),
        sometimes=("count",),
    ),
    "instance.unknown": EventKind(
        Level.WARNING,
        "b6a7a72507bc4589a7f35e92f8788cf8",
        "keepalived speaks of an instance that is not configured",
        always=("instance", "kind"),
    ),
    "claim.started": EventKind(
        Level.NOTICE,
        "405b3ba8f652462c8a1bb296471883cd",
        "An address is being assigned to this server",
        always=(*_OF, "holder", "reason"),
    ),
    "address.claimed": EventKind(
        Level.NOTICE,
        "a87627aaf66c49f2820a50184503877f",
        "An address was moved to this server",
        always=(*_OF, "holder", "reason", "attempt", "confirmed_ms"),
        sometimes=("sent_ms", "accepted_ms", "finished_ms"),
        operator=True,
    ),
    "address.drifted": EventKind(
        Level.WARNING,
        "83397154e2314751b7f9ff349087b2be",
        "An address was taken from this server, which is MASTER",
        always=(*_OF, "holder", "reason"),
        operator=True,
    ),
    "address.held_down": EventKind(
        Level.CRITICAL,
        "5b3c78baa93a46cd881c172b2eed613f",
        "Another server keeps taking an address; it stays there for now",
        always=(*_OF, "holder", "delay_s"),
        operator=True,
    ),
    "address.unresolved": EventKind(
        Level.ERROR,
        "f685c86392bf45ccaeb0ee13ee3e286e",
        "An address of the configuration cannot be found",
        always=(*_OF, "reason"),
        operator=True,
    ),
    "address.resolved": EventKind(
        Level.INFO,
        "6bd26b6f1f4f45b5adb08c85ea0b9f38",
        "An address of the configuration was found",
        always=(*_OF, "resource_kind", "resource_id"),
    ),
    "address.blocked": EventKind(
        Level.WARNING,
        "669f3ff33b444a469f6321d120f0f2fe",
        "An address is blocked by Hetzner",
        always=(*_OF, "reason"),
        operator=True,
    ),
    "claim.failed": EventKind(
        Level.WARNING,
        "8fd7be0387514ceca415535ddbb7ec79",
        "An assign failed, and is tried again",
        always=(*_OF, *_ERROR),
        sometimes=_HTTP,
    ),
    "claim.refused": EventKind(
        Level.ERROR,
        "2ae11dc97f7747d089e8a05d6c5552b0",
        "Hetzner refuses to assign an address",
        always=(*_OF, *_ERROR),
        sometimes=_HTTP,
        operator=True,
    ),
    "claim.unknown": EventKind(
        Level.WARNING,
        "56496b3a788d4e48a71f0d2b25f32ba0",
        "What became of an assign is unknown",
        always=(*_OF, "reason"),
        sometimes=("api", "error_code", *_HTTP),
    ),
    "claim.abandoned": EventKind(
        Level.NOTICE,
        "d6f7ff2666d7486faafe88910aade986",
        "A claim was given up, since keepalived's MASTER ended",
        always=(*_OF, "reason"),
    ),
    "api.failed": EventKind(
        Level.WARNING,
        "cc7e33ac8726486cbfc34dd95b897839",
        "The Hetzner API gives no usable answer",
        always=_ERROR,
        sometimes=_HTTP,
        operator=True,
    ),
    "api.recovered": EventKind(
        Level.NOTICE,
        "3294846d8833461e9d1dcf7e8c330d3d",
        "The Hetzner API answers again",
        always=("api", "duration_s"),
    ),
    "api.throttled": EventKind(
        Level.WARNING,
        "33dcfa4022b7443fb0ef3d1e69106d43",
        "Hetzner asks for fewer API calls",
        always=_ERROR,
        sometimes=(*_OF, *_HTTP),
    ),
    "token.rejected": EventKind(
        Level.ERROR,
        "a89eb9a0165a4ee5b96744989240f672",
        "Hetzner rejects the API token",
        always=_ERROR,
        sometimes=(*_OF, *_HTTP),
        operator=True,
    ),
    "login.rejected": EventKind(
        Level.ERROR,
        "a5c5deffa1d34018b2d7d820f83a2839",
        "Robot refuses the login",
        always=_ERROR,
        sometimes=(*_OF, *_HTTP),
        operator=True,
    ),
    "server.identified": EventKind(
        Level.INFO,
        "17dda6f3ed284dce819d22b941ef62ab",
        "This machine's server id is known",
        always=("api", "server_id", "reason"),
    ),
    "server.unidentified": EventKind(
        Level.ERROR,
        "dcf6b1bfb1bd4de896f60926f2e72bc1",
        "Which Hetzner server this machine is, is not known",
        always=_ERROR,
        operator=True,
    ),
    "config.reloaded": EventKind(
        Level.NOTICE,
        "8cee2ec823af40a193adbf3d9972b69a",
        "A changed configuration was taken over",
    ),
    "config.rejected": EventKind(
        Level.ERROR,
        "ad2d78a9ab7e4b86bcdf59121d8021dd",
        "A changed configuration is wrong; the old one stays",
        operator=True,
    ),
    "config.warning": EventKind(
        Level.WARNING,
        "be9a3c51f3a94b0b8c3e2a6cfb7d5d0e",
        "Something about the configuration or the token is odd",
        operator=True,
    ),
    "daemon.started": EventKind(
        Level.INFO,
        "0cec868af54640dc99542c54c9ca4902",
        "hakeeper starts",
        always=("version",),
    ),
    "daemon.stopped": EventKind(
        Level.INFO,
        "a5a631e1667c46f19b55d9fce4cc37fd",
        "hakeeper stops",
    ),
    "daemon.failed": EventKind(
        Level.CRITICAL,
        "1308480c85974ce3a6007a977ca565e0",
        "hakeeper ended with an error",
        always=("reason",),
        operator=True,
    ),
    "address.confirmed": EventKind(
        Level.INFO,
        "7d560793e2ae47a281954af0de212b76",
        "An address is on this server already",
        always=(*_OF, "holder", "reason"),
    ),
    "address.zone_mismatch": EventKind(
        Level.WARNING,
        "6ef55325a66f4ad6850d6ac49ae8d92f",
        "An address is of another network zone than this server",
        always=(*_OF, "reason"),
    ),
    "fifo.recovered": EventKind(
        Level.NOTICE,
        "1025ee206b6043f4ad8497ac1444cdaa",
        "The notify FIFO can be read again",
        always=("reason",),
    ),
    "library.warned": EventKind(
        Level.WARNING,
        "cf142d589e374e9a961158c65a18fc2f",
        "A library beneath hakeeper warns",
        always=("library",),
        sometimes=("reason",),
    ),
    "vrrp_address.missing": EventKind(
        Level.ERROR,
        "d357451830a34aa0b95e9c74060b4246",
        "keepalived is isolated: its private address is missing",
        always=("instance", "kind", "role", "vrrp_address"),
        operator=True,
    ),
    "vrrp_address.found": EventKind(
        Level.NOTICE,
        "00d091f21adb479b93582f3da25f411b",
        "keepalived's own address is back",
        always=("instance", "kind", "vrrp_address", "delay_s"),
    ),
    "keepalived.stopped": EventKind(
        Level.NOTICE,
        "cd492035b9544232a80d25427fd68a45",
        "keepalived was stopped in order",
        always=("reason",),
        operator=True,
    ),
    "status.ok": EventKind(
        Level.NOTICE,
        "ecdc662f33924b08a2f4df07e54f95dc",
        "All is well again",
        operator=True,
    ),
    "status.degraded": EventKind(
        Level.WARNING,
        "11f66924609c4fddb95950dfd73d9d74",
        "Something is not as it should be, and lasts",
        always=("code",),
        operator=True,
    ),
    "status.broken": EventKind(
        Level.ERROR,
        "24836412ff474560a1ea0f5d98a92a0b",
        "A failover to or from this server does not work",
        always=("code",),
        operator=True,
    ),
    **SELECTOR_EVENTS,
    **PAUSE_EVENTS,
    **STEP_DOWN_EVENTS,
    **HOOK_EVENTS,
    **SHELL_EVENTS,
}
