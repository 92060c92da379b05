"""The requests of the core, carried out with hcloud's client, one after the other."""

from typing import TypeAlias, assert_never

from hcloud import Client

from hakeeper.adapters.hetzner import identify, parse
from hakeeper.adapters.hetzner.errors import UnreadableAnswerError
from hakeeper.adapters.hetzner.guard import CallGuard
from hakeeper.core.calls import (
    ActionsRead,
    Answer,
    Assign,
    AssignAccepted,
    FloatingIpRead,
    FloatingIpsListed,
    Identify,
    ListFloatingIps,
    ReadActions,
    ReadFloatingIp,
    ReadServer,
    ServerRead,
)
from hakeeper.core.model import FloatingIp, OddFloatingIp

PAGE_SIZE = 50
"""The largest that the API gives."""
PAGE_LIMIT = 100
ACTION_LIMIT = 25

Params: TypeAlias = dict[str, int | str | list[int]]


def perform(client: Client, guard: CallGuard, identity: identify.Identity) -> Answer:
    """Carry out the request of a call.

    Raises hcloud's APIException for error answers, and our own errors of errors.py.
    """
    match guard.call.request:
        case Identify() as request:
            return identify.identify(client, guard, identity, request.cached_server_id)
        case ListFloatingIps():
            return _all_floating_ips(client)
        case ReadFloatingIp(floating_ip_id=number):
            answer = client.request(method="GET", url=f"/floating_ips/{number}")
            return FloatingIpRead(parse.floating_ip(parse.field(answer, "floating_ip")))
        case Assign(floating_ip_id=number, server_id=server_id):
            answer = client.request(
                method="POST",
                url=f"/floating_ips/{number}/actions/assign",
                json={"server": server_id},
            )
            return AssignAccepted(parse.action(parse.field(answer, "action")))
        case ReadActions(action_ids=numbers):
            return _actions(client, numbers)
        case ReadServer(server_id=number):
            answer = client.request(method="GET", url=f"/servers/{number}")
            return ServerRead(parse.server(parse.field(answer, "server")))
        case _ as never:
            assert_never(never)


def _all_floating_ips(client: Client) -> FloatingIpsListed:
    """Read all pages; hcloud's get_all would never end against a server that always has a next.

    The list may change between two pages: what comes twice counts once, as last seen.
    """
    found: dict[int, FloatingIp] = {}
    odd: list[OddFloatingIp] = []
    page = 1
    for _ in range(PAGE_LIMIT):
        params: Params = {"page": page, "per_page": PAGE_SIZE}
        answer = client.request(method="GET", url="/floating_ips", params=params)
        entries = parse.sequence(parse.field(answer, "floating_ips"), "floating_ips")
        readable, others = parse.floating_ips(entries)
        found.update((ip.id, ip) for ip in readable)
        odd.extend(others)
        following = parse.next_page(answer, page, is_full=len(entries) >= PAGE_SIZE)
        if following is None:
            return FloatingIpsListed(tuple(found.values()), tuple(odd))
        page = following
    raise UnreadableAnswerError(f"more than {PAGE_LIMIT} pages of floating IPs")


def _actions(client: Client, numbers: tuple[int, ...]) -> ActionsRead:
    params: Params = {"id": list(numbers[:ACTION_LIMIT]), "per_page": PAGE_SIZE}
    answer = client.request(method="GET", url="/actions", params=params)
    entries = parse.sequence(parse.field(answer, "actions"), "actions")
    return ActionsRead(tuple(parse.action(entry) for entry in entries))
