"""The other servers that hold a resource of ours, as the API last showed them, and their names."""

from dataclasses import dataclass
from typing import Final, assert_never

from hakeeper.core.observation import Holder, Key, Nobody, Other, Unknown, Us

DELETED: Final = "deleted"
"""The status of a server that the API no longer knows."""
NAMES_KEPT: Final = 256
"""More servers than an address ever wanders between."""


@dataclass(frozen=True, slots=True)
class SeenServer:
    """Another server as the API showed it at `at_s`. `status`: the API's, or `DELETED`."""

    name: str
    status: str
    at_s: float


class ServerNames:
    """The names of servers, for people: kept when a server holds nothing of ours any more.

    A resource that comes back to one is told with its name then, as everywhere else.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._names: dict[Key, str] = {}

    def learn(self, server_id: Key, name: str) -> None:
        """Take a name; of many, the one that was learnt first is forgotten."""
        self._names.pop(server_id, None)
        self._names[server_id] = name
        if len(self._names) > NAMES_KEPT:
            del self._names[next(iter(self._names))]

    def get(self, server_id: Key) -> str:
        """Return the name; empty if it is not known."""
        return self._names.get(server_id, "")

    def clear(self) -> None:
        """Forget all."""
        self._names.clear()


def holder_text(holder: Holder, names: ServerNames) -> str:
    """Return the holder for people; other servers by name where it is known."""
    match holder:
        case Us():
            return "this server"
        case Other(server_id):
            name = names.get(server_id)
            return f"{name} (id {server_id})" if name else f"server {server_id}"
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
