"""Which words of keepalived.conf open what kind of block: those of 2.2.7, and newer ones.

keepalived reads by keyword: the same lines are a block behind one word, values behind another one,
and skipped behind a third. A brace behind a word that opens nothing is left out by it, and then
the next `}` ends the block around.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Level:
    """What may stand in a block."""

    blocks: Mapping[str, "Level"] = field(default_factory=dict)
    """Words with blocks of keywords."""
    values: frozenset[str] = frozenset()
    """Words with blocks of lines that are no keywords."""
    skipped: frozenset[str] = frozenset()
    """Words with blocks that the VRRP process does not look into."""
    newer: frozenset[str] = frozenset()
    """Words with blocks of keywords, in versions after 2.3.4 only."""


_PLAIN: Final = Level()
_TRACKED: Final = frozenset(
    ("track_interface", "track_script", "track_file", "track_process", "track_bfd")
)
ROOT: Final = Level(
    blocks={
        "global_defs": Level(values=frozenset(("notification_email",))),
        "vrrp_instance": Level(
            blocks={"authentication": _PLAIN},
            values=_TRACKED
            | {
                "unicast_peer",
                "virtual_ipaddress",
                "virtual_ipaddress_excluded",
                "virtual_routes",
                "virtual_rules",
            },
            newer=frozenset(("auth_hmac",)),
        ),
        "vrrp_sync_group": Level(values=_TRACKED | {"group"}),
        "vrrp_script": _PLAIN,
        "vrrp_track_process": _PLAIN,
        "track_file": _PLAIN,
        "vrrp_track_file": _PLAIN,
        "track_group": Level(values=frozenset(("group",))),
        "garp_group": Level(values=frozenset(("interfaces",))),
        "bfd_instance": _PLAIN,
    },
    values=frozenset(
        (
            "static_ipaddress",
            "static_routes",
            "static_rules",
            "linkbeat_interfaces",
            "interface_up_down_delays",
        )
    ),
    skipped=frozenset(("SSL", "virtual_server", "virtual_server_group")),
)
"""The level of the file itself."""
NAMED: Final = ("vrrp_instance", "vrrp_sync_group", "track_group")
"""Blocks that need exactly one name, which none before them may have."""
