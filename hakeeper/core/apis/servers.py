"""The other servers that hold a resource of ours, as the API last showed them, and their names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from hakeeper.core.observation import Holder, Key, Nobody, Other, Unknown, Us

DELETED: Final = "deleted"
"""The status of a server that the API no longer knows."""


@dataclass(frozen=True, slots=True)
class SeenServer:
    """Another server as the API showed it at `at_s`. `status`: the API's, or `DELETED`."""

    name: str
    status: str
    at_s: float


def holder_text(holder: Holder, servers: Mapping[Key, SeenServer]) -> str:
    """Return the holder for people; other servers by name where it is known."""
    match holder:
        case Us():
            return "this server"
        case Other(server_id):
            seen = servers.get(server_id)
            named = seen is not None and seen.name
            return f"{named} (id {server_id})" if named else f"server {server_id}"
        case Nobody():
            return "nobody"
        case Unknown(reason):
            return f"unknown ({reason})"
        case _:  # pragma: no cover
            assert_never(holder)


def holder_key(holder: Holder) -> str:
    """Return the holder for scripts: `us`, a server id, `nobody` or `unknown`."""
    match holder:
        case Us():
            return "us"
        case Other(server_id):
            return str(server_id)
        case Nobody():
            return "nobody"
        case Unknown():
            return "unknown"
        case _:  # pragma: no cover
            assert_never(holder)
