"""The kinds of journal entry: name, priority, MESSAGE_ID.

The ids are for ever: they are what `journalctl MESSAGE_ID=…` and the catalog key on.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Level(enum.IntEnum):
    """syslog(3) priorities."""

    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of entry; `message_id` is a 128-bit id in hex."""

    level: Level
    message_id: str


EVENTS: Mapping[str, EventKind] = {
    "role.changed": EventKind(Level.NOTICE, "407758f57e0c47b79f6317f4d71d1b7b"),
    "role.unverified": EventKind(Level.WARNING, "690752c7289f4e38bde1334cb39da1f9"),
    "keepalived.seen": EventKind(Level.INFO, "dbf565c633864cc3bb2e57433917d855"),
    "keepalived.gone": EventKind(Level.WARNING, "cc41e84fbbe142a7a5a0abde6d1b452e"),
    "query.failed": EventKind(Level.WARNING, "5d9bb6c1625447b7899423a469af7a02"),
    "fifo.opened": EventKind(Level.INFO, "ae64a75a55df4a86b43977e5bb3b6a32"),
    "fifo.replaced": EventKind(Level.NOTICE, "e93f4d6bba8a44d2986372905533aa20"),
    "fifo.failed": EventKind(Level.ERROR, "467cc23812b742fcb8bba14537fac786"),
    "fifo.overflowed": EventKind(Level.WARNING, "abe4744fde694ba38c89b8bd2bf40db5"),
    "line.rejected": EventKind(Level.WARNING, "62813ca0f2424496b547da11f0350fbb"),
    "instance.unknown": EventKind(Level.WARNING, "b6a7a72507bc4589a7f35e92f8788cf8"),
    "claim.started": EventKind(Level.NOTICE, "405b3ba8f652462c8a1bb296471883cd"),
    "address.claimed": EventKind(Level.NOTICE, "a87627aaf66c49f2820a50184503877f"),
    "address.drifted": EventKind(Level.WARNING, "83397154e2314751b7f9ff349087b2be"),
    "address.contested": EventKind(Level.CRITICAL, "5b3c78baa93a46cd881c172b2eed613f"),
    "address.unresolved": EventKind(Level.ERROR, "f685c86392bf45ccaeb0ee13ee3e286e"),
    "address.resolved": EventKind(Level.INFO, "6bd26b6f1f4f45b5adb08c85ea0b9f38"),
    "address.blocked": EventKind(Level.WARNING, "669f3ff33b444a469f6321d120f0f2fe"),
    "claim.failed": EventKind(Level.WARNING, "8fd7be0387514ceca415535ddbb7ec79"),
    "claim.refused": EventKind(Level.ERROR, "2ae11dc97f7747d089e8a05d6c5552b0"),
    "claim.unknown": EventKind(Level.WARNING, "56496b3a788d4e48a71f0d2b25f32ba0"),
    "claim.abandoned": EventKind(Level.NOTICE, "d6f7ff2666d7486faafe88910aade986"),
    "api.failed": EventKind(Level.WARNING, "cc7e33ac8726486cbfc34dd95b897839"),
    "api.recovered": EventKind(Level.NOTICE, "3294846d8833461e9d1dcf7e8c330d3d"),
    "api.throttled": EventKind(Level.WARNING, "33dcfa4022b7443fb0ef3d1e69106d43"),
    "token.rejected": EventKind(Level.ERROR, "a89eb9a0165a4ee5b96744989240f672"),
    "server.identified": EventKind(Level.INFO, "17dda6f3ed284dce819d22b941ef62ab"),
    "server.unidentified": EventKind(Level.ERROR, "dcf6b1bfb1bd4de896f60926f2e72bc1"),
    "config.reloaded": EventKind(Level.NOTICE, "8cee2ec823af40a193adbf3d9972b69a"),
    "config.rejected": EventKind(Level.ERROR, "ad2d78a9ab7e4b86bcdf59121d8021dd"),
    "state.failed": EventKind(Level.WARNING, "d47abc7bcc63425c82c048d9fa18b84f"),
    "daemon.started": EventKind(Level.INFO, "0cec868af54640dc99542c54c9ca4902"),
    "daemon.stopped": EventKind(Level.INFO, "a5a631e1667c46f19b55d9fce4cc37fd"),
    "daemon.failed": EventKind(Level.CRITICAL, "1308480c85974ce3a6007a977ca565e0"),
    "log.dropped": EventKind(Level.WARNING, "838d1c9343d1499b9d367e916711dfea"),
    "address.confirmed": EventKind(Level.INFO, "7d560793e2ae47a281954af0de212b76"),
    "address.far": EventKind(Level.WARNING, "6ef55325a66f4ad6850d6ac49ae8d92f"),
    "fifo.recovered": EventKind(Level.NOTICE, "1025ee206b6043f4ad8497ac1444cdaa"),
    "library.warned": EventKind(Level.WARNING, "cf142d589e374e9a961158c65a18fc2f"),
    "vrrp_address.missing": EventKind(Level.ERROR, "d357451830a34aa0b95e9c74060b4246"),
    "vrrp_address.found": EventKind(Level.NOTICE, "00d091f21adb479b93582f3da25f411b"),
}
