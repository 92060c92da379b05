"""The keywords of keepalived.conf that open a block, and what the block contains (2.2.7 and newer).

keepalived parses by keyword: depending on the keyword, the lines of a block are keywords, plain
values, or skipped. It ignores a brace after a keyword that opens no block; the next `}` then ends
the surrounding block.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Level:
    """The keywords of a block that open further blocks."""

    blocks: Mapping[str, "Level"] = field(default_factory=dict)
    """Keywords whose blocks contain keywords."""
    values: frozenset[str] = frozenset()
    """Keywords whose blocks contain plain values."""
    skipped: frozenset[str] = frozenset()
    """Keywords whose blocks the VRRP process skips."""
    newer: frozenset[str] = frozenset()
    """Keywords whose blocks contain keywords, in versions after 2.3.4 only."""


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
"""The top level of the file."""
NAMED: Final = ("vrrp_instance", "vrrp_sync_group", "track_group")
"""Blocks that need exactly one name, unique among blocks of that keyword."""
