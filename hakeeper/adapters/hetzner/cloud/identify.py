"""Which server of the project this machine is: somebody names it, the API and an address show it.

The order for `auto` is that of adapters/identity.py, and last the id of an earlier run. That one
comes last because it may be a copy: a server made from a snapshot of another starts with the
other's state file.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from hcloud import APIException, Client

from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.cloud import parse
from hakeeper.adapters.hetzner.errors import LocalFailureError, Phase
from hakeeper.adapters.identity import Candidate, Miss
from hakeeper.adapters.local_addresses import has_one_of
from hakeeper.core.calls import NO_IDENTITY, FailureKind, Identified
from hakeeper.core.model import Server
from hakeeper.core.observation import IpNetwork, Key
from hakeeper.kinds.json_fields import field, sequence

Sources: TypeAlias = Callable[[float], Iterator[Candidate | Miss]]
"""Local sources, asked in order and only as far as needed; the argument is the time left in s."""

HINT = "set `server:` in hakeeper.yaml to this server's id or name"


class Identity:
    """What the configuration says, where to look when it says `auto`, and what shows that."""

    def __init__(
        self,
        setting: str | int,
        sources: Sources,
        is_here: Callable[[Iterable[IpNetwork]], bool] = has_one_of,
    ) -> None:
        """Take the `server` setting: "auto", an id (int), or a name (any other str)."""
        self.setting = setting
        self.sources = sources
        self.is_here = is_here


def identify(
    client: Client, guard: CallGuard, identity: Identity, cached_server_id: Key | None
) -> Identified:
    """Find this server; LocalFailureError and APIException say why that failed.

    Whoever names the server may be wrong or lie: a configuration that was copied to the other
    node, a state file that came with a snapshot, whoever answers for the metadata service. So the
    first one counts of which an address is on this machine. Where there is none, the first one
    that exists is returned with `is_here` false.
    """
    setting = identity.setting
    if isinstance(setting, int):
        named = Candidate(setting, "configuration")
        return _shown(identity, _confirm(client, named), named)
    if setting != "auto":
        named = Candidate(0, "configuration")
        return _shown(identity, _by_name(client, setting), named)
    guard.enter(Phase.LOCAL)
    return _first(client, identity, _local(identity.sources(guard.remaining_s()), cached_server_id))


def _first(client: Client, identity: Identity, candidates: Iterator[Candidate]) -> Identified:
    """Return the first that is this machine, else the first that exists; else say what is wrong."""
    elsewhere: Identified | None = None
    failures: list[LocalFailureError] = []
    for candidate in candidates:
        try:
            found = _shown(identity, _confirm(client, candidate), candidate)
        except LocalFailureError as failure:
            failures.append(failure)
            continue
        if found.is_here:
            return found
        elsewhere = elsewhere or found
    if elsewhere is None:
        raise failures[0]
    return elsewhere


def _shown(identity: Identity, server: Server, candidate: Candidate) -> Identified:
    try:
        is_here = server.own is None or identity.is_here(server.own)
    except OSError as error:
        raise LocalFailureError(
            FailureKind.TRANSIENT,
            NO_IDENTITY,
            f"cannot tell which addresses this machine has: {error}",
        ) from error
    return Identified(server, candidate.source, is_here=is_here)


def _local(found: Iterator[Candidate | Miss], cached_server_id: Key | None) -> Iterator[Candidate]:
    """Yield each server once that is named; LocalFailureError if nobody can name one."""
    misses: list[Miss] = []
    seen: set[int] = set()
    for entry in found:
        if isinstance(entry, Miss):
            misses.append(entry)
        elif entry.server_id not in seen:
            seen.add(entry.server_id)
            if cached_server_id not in (None, entry.server_id):
                source = f"{entry.source}, not the {cached_server_id} of an earlier run"
                entry = replace(entry, source=source)  # noqa: PLW2901  # the same, told better
            yield entry
    if isinstance(cached_server_id, int) and cached_server_id not in seen:
        yield Candidate(cached_server_id, "an earlier run")
    elif not seen:
        reasons = "; ".join(f"{miss.source}: {miss.reason}" for miss in misses) or "no source"
        raise LocalFailureError(
            FailureKind.TRANSIENT,
            NO_IDENTITY,
            f"cannot tell which server this machine is; {HINT} ({reasons})",
        )


def _confirm(client: Client, candidate: Candidate) -> Server:
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
    return parse.server(field(answer, "server"))


def _by_name(client: Client, name: str) -> Server:
    answer = client.request(method="GET", url="/servers", params={"name": name})
    for entry in sequence(field(answer, "servers"), "servers"):
        server = parse.server(entry)
        if server.name == name:
            return server
    raise LocalFailureError(
        FailureKind.NOT_FOUND,
        "not_found",
        f"the project of this token has no server named {name!r}: the token is of another "
        f"project, or the name is wrong; then {HINT}",
    )
