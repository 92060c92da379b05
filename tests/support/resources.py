"""Short ways to write floating IPs, and the requests and answers that are about them."""

from hakeeper.core.calls import AllRead, Identify, Mutate, ReadAll, ReadOne, Step
from hakeeper.core.model import Server
from hakeeper.core.observation import (
    IpNetwork,
    Key,
    Observation,
    Reading,
    ResourceId,
    Unreadable,
    label_of,
)
from hakeeper.kinds import FLOATING_IPS
from hakeeper.kinds.apis import CLOUD as CLOUD_API
from hakeeper.kinds.floating_ip import by_id, by_name, by_network, resource

__all__ = ["by_id", "by_name", "by_network"]

CLOUD = CLOUD_API.name
LIST = ReadAll(FLOATING_IPS.name)
IDENTIFY = Identify(CLOUD)


def this_server(*keys: Key) -> Server:
    """Make the server that this machine is; further keys are other names of it."""
    return Server(id=keys[0], name="", status="running", also=keys[1:])


def fip(number: int) -> ResourceId:
    return resource(number)


def step(number: int, server_id: Key = 1) -> Step:
    """Make the step that moves one to a server."""
    return Step("assign", server_id, lane=f"floating_ip/{number}")


def assign(number: int, server_id: Key) -> Mutate:
    return Mutate(fip(number), step(number, server_id))


def number_of(request: Mutate) -> int:
    """Return the number of the floating IP that a step is for."""
    return int(request.resource.key)


def read(number: int) -> ReadOne:
    return ReadOne(fip(number))


def floating_ip(  # all by keyword
    *,
    id: int,  # noqa: A002  # the API's word
    name: str,
    network: IpNetwork,
    server_id: Key | None,
    blocked: bool = False,
    network_zone: str = "",
) -> Observation:
    return Observation(
        id=fip(id),
        label=label_of(network),
        network=network,
        server_id=server_id,
        name=name,
        blocked=blocked,
        zone=network_zone,
    )


def odd_floating_ip(
    *,
    id: int | None,  # noqa: A002  # the API's word
    name: str | None,
    network: IpNetwork | None,
    why: str,
) -> Unreadable:
    label = None if network is None else label_of(network)
    return Unreadable(key=id, name=name, label=label, why=why)


def listed(found: tuple[Observation, ...], odd: tuple[Unreadable, ...] = ()) -> AllRead:
    pages = CLOUD_API.pages_of(len(found) + len(odd))
    return AllRead(FLOATING_IPS.name, Reading(found, odd), requests=pages)
