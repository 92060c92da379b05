"""A Robot beside the cloud: the scene of the stories about an API that is slow."""

from collections.abc import Iterable

from hakeeper.core.calls import Failure, FailureKind, Identify, Mutate, Step
from hakeeper.core.observation import ResourceRef
from hakeeper.simulate.robot_cloud import main_ip
from tests.core.driver import WEB, Call, Node, World, settings

HOUR_S = 3600.0
AWAY = Step("route", main_ip(9), lane="another")
WRONG_LOGIN = Failure(
    kind=FailureKind.AUTH, code="unauthorized", message="Unauthorized", http_status=401
)


def refs(world: World, count: int = 1) -> list[ResourceRef]:
    return [world.robot.ref_of(number) for number in range(1, count + 1)]


def scene(count: int = 1, nodes: int = 1, *, ready_s: float = 600.0) -> tuple[World, list[Node]]:
    """Make BACKUPs with `web` and failover IPs, which a server without hakeeper has."""
    world = World()
    world.cloud.add_server(9)
    world.robot.add_server(9)
    world.cloud.add_ip(WEB, "web", "203.0.113.10/32", 9)
    for number in range(1, count + 1):
        world.robot.add_numbered(number, 9)
    config = settings({"VI_1": ("web", *refs(world, count))})
    made = [world.add_node(number, config, seed=number) for number in range(1, nodes + 1)]
    for node in made:
        node.start()
        node.line("VI_1", "BACKUP")
    world.run_for(ready_s)
    return world, made


def held_after_s(world: World, node: Node, index: int, limit_s: float = 600.0) -> float:
    return world.run_while(lambda: node.stage(index) != "held", limit_s)


def at_robot(world: World, node: Node, since_s: float = 0.0) -> list[Call]:
    """Return the requests that reached Robot: to find out who we are takes none."""
    return [
        call
        for call in node.calls
        if call.at_s >= since_s
        and world.api_of(call.request) is world.robot
        and not isinstance(call.request, Identify)
    ]


def switches(world: World, node: Node, since_s: float = 0.0) -> list[Call]:
    return [c for c in at_robot(world, node, since_s) if isinstance(c.request, Mutate)]


def most_in_an_hour(calls: Iterable[Call]) -> int:
    times = [call.at_s for call in calls]
    return max((sum(at <= t < at + HOUR_S for t in times) for at in times), default=0)


def flap(world: World, node: Node) -> None:
    node.line("VI_1", "MASTER")
    world.run_for(7.0)
    node.line("VI_1", "BACKUP")
    world.run_for(4.0)
