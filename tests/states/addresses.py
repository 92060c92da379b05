"""States of the floating IPs, and of the claims to them."""

from hakeeper.demo.cloud import Answer, Fault, Network
from tests.states.scene import EAGER, Scene
from tests.states.state import BROKEN, DEGRADED, OK, WEB, State
from tests.support.daemon_node import PATIENCE_S, DaemonNode
from tests.support.waiting import eventually

ASSIGN = "/actions/assign$"
CLAIM_HANGS = "is not confirmed on this server, which is MASTER"


def named_wrong(scene: Scene) -> None:
    scene.node().config["instances"]["VI_1"]["floating_ips"] = ["wbe"]
    scene.launch().role("BACKUP")


def named_twice(scene: Scene) -> None:
    scene.node().config["instances"]["VI_1"]["floating_ips"] = ["web", "203.0.113.10"]
    scene.launch().role("BACKUP")


def deleted(scene: Scene) -> None:
    scene.master(**EAGER)
    scene.cloud.remove_floating_ip(scene.cluster.web)


def blocked_at_the_start(scene: Scene) -> None:
    scene.cloud.set_blocked(scene.cluster.web, blocked=True)
    scene.master()


def blocked_while_running(scene: Scene) -> None:
    scene.backup(**EAGER)
    scene.cloud.set_blocked(scene.cluster.web, blocked=True)


def claim_under_way(scene: Scene) -> None:
    node = scene.running()
    scene.cloud.fault(Fault(method="POST", path=ASSIGN, action_never_ends=True))
    node.master()
    scene.until_stage("action running")


def no_answer_to_an_assign(scene: Scene) -> None:
    node = scene.node()
    node.config["hetzner"]["timeout"] = "30s"
    node.write(b"")
    node.start()
    scene.cloud.fault(Fault(method="POST", path=ASSIGN, answer=Answer.NEVER))
    node.master()


def claim_fails(scene: Scene) -> None:
    node = scene.running()
    scene.cloud.fault(Fault(method="POST", path=ASSIGN, status=503))
    node.master()


def action_fails(scene: Scene) -> None:
    node = scene.running()
    scene.cloud.fault(Fault(method="POST", path=ASSIGN, action_error="action_failed"))
    node.master()


def locked(scene: Scene) -> None:
    node = scene.running()
    scene.cloud.fault(Fault(method="POST", path=ASSIGN, status=423, code="locked"))
    node.master()


def master_without_an_api(scene: Scene) -> None:
    """It had the address when the API was last seen, in an earlier term."""
    node = scene.master(**EAGER)
    node.backup()
    scene.until_current()
    scene.cloud.fault(Fault(network=Network.REFUSE))
    node.wait_log("api.failed")
    node.master()
    node.wait_log("role.changed", role="MASTER", previous_role="BACKUP")


def former_master_looks(scene: Scene) -> None:
    node = scene.node()
    node.config["hetzner"]["timeout"] = "30s"
    node.write(b"")
    node.start()
    node.master()
    scene.cluster.wait_holder(node)
    node.wait_log("address.claimed")
    scene.cloud.fault(Fault(method="GET", answer=Answer.NEVER))
    node.backup()


def former_master(scene: Scene) -> None:
    node = scene.master()
    other = scene.cluster.running("node-b")
    node.backup()
    other.master()
    scene.cluster.wait_holder(other)


def two_masters(scene: Scene, *, watch_lesser: bool) -> tuple[DaemonNode, DaemonNode]:
    """Make both MASTER, and wait until the lesser one holds down; return the better one first.

    Neither steps down; the better one hears the other, as with a network that works one way.
    """
    environments = [scene.environment, {}]
    of_better, of_lesser = reversed(environments) if watch_lesser else environments
    better = scene.cluster.master("node-a", environment=of_better, **EAGER)
    better.role("MASTER_RX_LOWER_PRI")
    lesser = scene.cluster.running("node-b", environment=of_lesser, **EAGER)
    lesser.master()
    eventually(lambda: lesser.logged("address.held_down"), 2 * PATIENCE_S, "a contest")
    return better, lesser


def contested_loser(scene: Scene) -> None:
    better, lesser = two_masters(scene, watch_lesser=True)
    scene.adopt(lesser)
    scene.values["holder"] = f"{better.name} (id {better.server})"


def contested_holder(scene: Scene) -> None:
    better, _ = two_masters(scene, watch_lesser=False)
    scene.adopt(better)


def left_here(scene: Scene) -> None:
    scene.master(**EAGER).backup()


def with_nobody(scene: Scene) -> None:
    scene.cloud.move(scene.cluster.web, None)
    scene.backup(**EAGER)


def on_a_server_that_is_off(scene: Scene) -> None:
    scene.cloud.set_server_status(scene.cluster.elsewhere, "off")
    scene.backup(**EAGER)


def nothing_chosen(scene: Scene) -> None:
    scene.node().config["instances"]["VI_1"]["floating_ips"] = ["web", {"label": "role=wbe"}]
    scene.launch().role("BACKUP")


def chosen_twice(scene: Scene) -> None:
    scene.cloud.set_labels(scene.cluster.web, {"role": "web"})
    instances = scene.node().config["instances"]
    instances["VI_1"]["floating_ips"] = [{"label": "role=web"}]
    instances["VI_2"] = {"floating_ips": [{"label": "role"}]}
    scene.launch().role("BACKUP")
    scene.it.role("BACKUP", "VI_2")


STATES = (
    State(
        name="a label selector chooses nothing",
        check_says="",
        make=nothing_chosen,
        exit_code=DEGRADED,
        code="selector.empty",
        says="role=wbe",
        has_since=False,
    ),
    State(
        name="the selectors of two instances choose the same floating IP",
        check_says="",
        make=chosen_twice,
        exit_code=DEGRADED,
        code="address.chosen_twice",
        says="VI_2: label role chooses 203.0.113.10, which follows VI_1",
        cause="label role=web of VI_1, which stands first in the configuration, has it",
        has_since=False,
    ),
    State(
        name="the floating IP's name is wrong",
        make=named_wrong,
        exit_code=BROKEN,
        code="address.unresolved",
        says="VI_1: floating IP wbe is not found",
        cause="this token's project has no such floating IP",
        has_since=False,
    ),
    State(
        name="the floating IP is named twice",
        make=named_twice,
        exit_code=BROKEN,
        code="address.unresolved",
        says="VI_1: floating IP 203.0.113.10 is listed twice",
        cures=("role.unknown",),
        cause="it is the same floating IP as another entry of the configuration",
        has_since=False,
    ),
    State(
        name="the floating IP was deleted",
        make=deleted,
        exit_code=BROKEN,
        code="address.unresolved",
        says="VI_1: floating IP web is not found",
        cause="this token's project has no such floating IP",
        has_since=False,
    ),
    State(
        name="the floating IP is blocked",
        check_says="",
        make=blocked_at_the_start,
        exit_code=BROKEN,
        code="address.blocked",
        says=f"{WEB} is blocked by Hetzner: no traffic reaches it",
        has_since=False,
        confirmed=True,
    ),
    State(
        name="the floating IP was blocked while running",
        check_says="",
        make=blocked_while_running,
        exit_code=BROKEN,
        code="address.blocked",
        says=f"{WEB} is blocked by Hetzner: no traffic reaches it",
        has_since=False,
        confirmed=False,
    ),
    State(
        name="an assign is not answered yet",
        make=no_answer_to_an_assign,
        exit_code=DEGRADED,
        code="address.pending",
        says=f"{WEB} {CLAIM_HANGS}",
        cause="assign sent",
        event="claim.started",
        confirmed=False,
        has={"stage": "assign sent"},
    ),
    State(
        name="a claim is under way",
        make=claim_under_way,
        has={"stage": "action running"},
        exit_code=DEGRADED,
        code="address.pending",
        says=f"{WEB} {CLAIM_HANGS}",
        cause="action running",
        event="claim.started",
        confirmed=False,
    ),
    State(
        name="a claim fails",
        make=claim_fails,
        exit_code=BROKEN,
        code="address.pending",
        says=f"{WEB} {CLAIM_HANGS}",
        cause="(unavailable)",
        cures=("api.unreachable", "address.pending"),
        confirmed=False,
    ),
    State(
        name="the action of a claim fails",
        make=action_fails,
        exit_code=BROKEN,
        code="address.pending",
        says=f"{WEB} {CLAIM_HANGS}",
        cause="(action_failed)",
        cures=("address.pending",),
        confirmed=False,
    ),
    State(
        name="the floating IP is locked",
        has={"stage": "reading the holder"},
        make=locked,
        exit_code=BROKEN,
        code="address.pending",
        says=f"{WEB} {CLAIM_HANGS}",
        cause="(locked)",
        cures=("address.pending",),
        confirmed=False,
    ),
    State(
        name="MASTER, and the API is away since before that",
        make=master_without_an_api,
        exit_code=DEGRADED,
        code="address.pending",
        says=f"{WEB} {CLAIM_HANGS}",
        cause="refused (connection_refused)",
        cures=("api.unreachable", "address.pending"),
        confirmed=False,
        current=False,
        shows="(not read since this server became MASTER); last known: on this server, ",
    ),
    State(
        name="MASTER, and the API is away since before that, for long",
        make=master_without_an_api,
        exit_code=BROKEN,
        code="address.pending",
        says=f"{WEB} {CLAIM_HANGS}",
        cause="refused (connection_refused)",
        cures=("api.unreachable", "address.pending"),
        confirmed=False,
        current=False,
        shows="last known: on this server, ",
    ),
    State(
        name="MASTER no more, and the look for the holder is under way",
        make=former_master_looks,
        exit_code=OK,
        confirmed=False,
        current=False,
        shows="(not read since this server became BACKUP); last known: on this server, ",
    ),
    State(
        name="MASTER no more, and the holder is known",
        make=former_master,
        exit_code=OK,
        confirmed=False,
        current=True,
        shows=f"{WEB}: on node-b (id",
    ),
    State(
        name="contested, and not here",
        has={"stage": "hold-down"},
        check_says="",
        make=contested_loser,
        exit_code=BROKEN,
        code="address.held_down",
        says=f"{WEB} is held by {{holder}}, which takes it back",
        event="address.held_down",
        confirmed=False,
    ),
    State(
        name="contested, and here",
        check_says="",
        make=contested_holder,
        exit_code=DEGRADED,
        code="address.disputed",
        says=f"another server took {WEB} while this one was MASTER",
        confirmed=True,
    ),
    State(
        name="BACKUP, and the address is still here",
        check_says="",
        make=left_here,
        exit_code=DEGRADED,
        code="address.left_here",
        says=f"{WEB} is on this server, which is BACKUP",
        confirmed=False,
        current=True,
    ),
    State(
        name="BACKUP, and the address is with nobody",
        check_says="",
        make=with_nobody,
        exit_code=DEGRADED,
        code="address.nowhere",
        says=f"{WEB} is on no server",
        confirmed=False,
        current=True,
    ),
    State(
        name="BACKUP, and the address is on a server that is off",
        check_says="",
        make=on_a_server_that_is_off,
        exit_code=DEGRADED,
        code="address.nowhere",
        says=f"{WEB} is on {{elsewhere}}, which is off",
        confirmed=False,
        current=True,
    ),
)
