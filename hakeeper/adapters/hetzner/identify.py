"""Which server of the project this machine is: a local word, confirmed by the API.

The order for `auto` is that of adapters/identity.py, and last the id of an earlier run. That one
comes last because it may be a copy: a server made from a snapshot of another starts with the
other's state file, and only the machine's own word tells them apart.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from hcloud import APIException, Client

from hakeeper.adapters.hetzner import parse
from hakeeper.adapters.hetzner.errors import LocalFailureError, Phase
from hakeeper.adapters.hetzner.guard import CallGuard
from hakeeper.adapters.identity import Candidate, Miss
from hakeeper.core.calls import NO_IDENTITY, FailureKind, Identified

Sources: TypeAlias = Callable[[float], Iterator[Candidate | Miss]]
"""Local sources, asked in order and only as far as needed; the argument is the time left in s."""

HINT = "set `server:` in hakeeper.yaml to this server's id or name"


class Identity:
    """What the configuration says, and where to look when it says `auto`."""

    def __init__(self, setting: str | int, sources: Sources) -> None:
        """Take the `server` setting: "auto", an id (int), or a name (any other str)."""
        self.setting = setting
        self.sources = sources


def identify(
    client: Client, guard: CallGuard, identity: Identity, cached_server_id: int | None
) -> Identified:
    """Find this server; LocalFailureError and APIException say why that failed."""
    setting = identity.setting
    if isinstance(setting, int):
        return _confirm(client, Candidate(setting, "configuration"))
    if setting != "auto":
        return _by_name(client, setting)
    guard.enter(Phase.LOCAL)
    return _confirm(client, _local(identity.sources(guard.remaining_s()), cached_server_id))


def _local(found: Iterator[Candidate | Miss], cached_server_id: int | None) -> Candidate:
    misses: list[Miss] = []
    for entry in found:
        match entry:
            case Candidate(server_id=number, source=source):
                if cached_server_id not in (None, number):
                    source = f"{source}, not the {cached_server_id} of an earlier run"
                return Candidate(number, source)
            case Miss():
                misses.append(entry)
    if cached_server_id is not None:
        return Candidate(cached_server_id, "an earlier run")
    reasons = "; ".join(f"{miss.source}: {miss.reason}" for miss in misses) or "no source"
    raise LocalFailureError(
        FailureKind.TRANSIENT,
        NO_IDENTITY,
        f"cannot tell which server this machine is; {HINT} ({reasons})",
    )


def _confirm(client: Client, candidate: Candidate) -> Identified:
    try:
        answer = client.request(method="GET", url=f"/servers/{candidate.server_id}")
    except APIException as error:
        if error.code in ("not_found", 404):
            raise LocalFailureError(
                FailureKind.NOT_FOUND,
                "not_found",
                f"the project of this token has no server {candidate.server_id} "
                f"(from: {candidate.source}): the token is of another project, or the id is "
                f"wrong; then {HINT}",
            ) from None
        raise
    return Identified(parse.server(parse.field(answer, "server")), candidate.source)


def _by_name(client: Client, name: str) -> Identified:
    answer = client.request(method="GET", url="/servers", params={"name": name})
    for entry in parse.sequence(parse.field(answer, "servers"), "servers"):
        server = parse.server(entry)
        if server.name == name:
            return Identified(server, "configuration")
    raise LocalFailureError(
        FailureKind.NOT_FOUND,
        "not_found",
        f"the project of this token has no server named {name!r}: the token is of another "
        f"project, or the name is wrong; then {HINT}",
    )
