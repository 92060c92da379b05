"""The requests of the core, carried out with hcloud's client, one after the other."""

from typing import TypeAlias, assert_never

from hcloud import Client

from hakeeper.adapters.hetzner import identify, parse
from hakeeper.adapters.hetzner.errors import UnreadableAnswerError
from hakeeper.adapters.hetzner.guard import CallGuard
from hakeeper.adapters.hetzner.listing import Page
from hakeeper.core.calls import (
    PAGE_SIZE,
    ActionsRead,
    Answer,
    Assign,
    AssignAccepted,
    FloatingIpRead,
    Identify,
    ListFloatingIps,
    ReadActions,
    ReadFloatingIp,
    ReadServer,
    ServerRead,
)

PAGE_LIMIT = 100
ACTION_LIMIT = 25

Params: TypeAlias = dict[str, int | str | list[int]]


def perform(client: Client, guard: CallGuard, identity: identify.Identity) -> Answer | Page:
    """Carry out the request of a call; of a list, only the page that the guard is for.

    Raises hcloud's APIException for error answers, and our own errors of errors.py.
    """
    match guard.call.request:
        case Identify() as request:
            return identify.identify(client, guard, identity, request.cached_server_id)
        case ListFloatingIps():
            return _floating_ips(client, guard.page)
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


def _floating_ips(client: Client, number: int) -> Page:
    """Read a page; hcloud's get_all would never end against a server that always has a next."""
    params: Params = {"page": number, "per_page": PAGE_SIZE}
    answer = client.request(method="GET", url="/floating_ips", params=params)
    entries = parse.sequence(parse.field(answer, "floating_ips"), "floating_ips")
    readable, odd = parse.floating_ips(entries)
    following = parse.next_page(answer, number, is_full=len(entries) >= PAGE_SIZE)
    last = parse.last_page(answer)
    if following is not None and max(following, last or 0) > PAGE_LIMIT:
        raise UnreadableAnswerError(f"more than {PAGE_LIMIT} pages of floating IPs")
    return Page(number=number, floating_ips=readable, odd=odd, following=following, last=last)


def _actions(client: Client, numbers: tuple[int, ...]) -> ActionsRead:
    params: Params = {"id": list(numbers[:ACTION_LIMIT]), "per_page": PAGE_SIZE}
    answer = client.request(method="GET", url="/actions", params=params)
    entries = parse.sequence(parse.field(answer, "actions"), "actions")
    return ActionsRead(tuple(parse.action(entry) for entry in entries))
