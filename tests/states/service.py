"""States of hakeeper itself: started, well, reloaded, stopped."""

from hakeeper.demo.cloud import Answer, Fault
from tests.states.scene import EAGER, Scene
from tests.states.state import BROKEN, DEGRADED, NOT_RUNNING, OK, State


def never_started(scene: Scene) -> None:
    scene.node()


def killed(scene: Scene) -> None:
    scene.master().daemon.kill()


def stopped(scene: Scene) -> None:
    assert scene.master().daemon.term() == 0


def hanging_api_at_the_start(scene: Scene) -> None:
    scene.node()
    scene.cloud.fault(Fault(answer=Answer.NEVER))
    scene.launch().role("BACKUP")


def master(scene: Scene) -> None:
    scene.master()


def backup(scene: Scene) -> None:
    scene.backup()


def backup_of_a_master(scene: Scene) -> None:
    scene.cluster.master("node-b")
    scene.backup()


def by_a_group(scene: Scene) -> None:
    node = scene.node()
    node.config["groups"] = {"G": node.config.pop("instances")["VI_1"]}
    node.write(b"")
    node.start()
    node.role("MASTER", "G", "GROUP")
    scene.cluster.wait_holder(node)
    node.wait_log("address.claimed")


def reload_refused(scene: Scene) -> None:
    node = scene.master()
    path = node.daemon.config_path
    path.write_text(path.read_text() + "wrong: key\n")
    node.daemon.reload()
    node.wait_log("config.rejected")


def reload_refused_and_mended(scene: Scene) -> None:
    reload_refused(scene)
    scene.it.wait_log("status.degraded", code="config.refused")
    scene.it.reload()


def one_of_two_instances_in_fault(scene: Scene) -> None:
    node = scene.node()
    scene.cloud.add_floating_ip("mail", "203.0.113.20", server=scene.cluster.elsewhere)
    node.config["instances"]["VI_2"] = {"floating_ips": ["mail"]}
    node.write(b"")
    node.start()
    node.master()
    node.role("FAULT", "VI_2")
    scene.cluster.wait_holder(node)
    node.wait_log("address.claimed")


def one_of_two_addresses_missing(scene: Scene) -> None:
    node = scene.node(**EAGER)
    node.config["instances"]["VI_1"]["floating_ips"].append("mail")
    scene.launch().master()
    scene.cluster.wait_holder(node)
    node.wait_log("address.claimed")


STATES = (
    State(
        name="hakeeper was never started",
        make=never_started,
        exit_code=NOT_RUNNING,
        code="hakeeper.gone",
        says="hakeeper does not run: no answer at",
        check_says="the daemon does not answer: ",
    ),
    State(
        name="hakeeper was killed",
        make=killed,
        exit_code=NOT_RUNNING,
        code="hakeeper.gone",
        says="(Connection refused)",
        check_says="the daemon does not answer: ",
    ),
    State(
        name="hakeeper was stopped",
        make=stopped,
        exit_code=NOT_RUNNING,
        code="hakeeper.gone",
        says="hakeeper does not run: no answer at",
        event="daemon.stopped",
        check_says="the daemon does not answer: ",
    ),
    State(
        name="starting, and the API hangs",
        make=hanging_api_at_the_start,
        exit_code=DEGRADED,
        code="api.unreachable",
        says="the Hetzner API cannot be reached",
        cause="no answer within 2 s",
        event="api.failed",
        current=False,
    ),
    State(
        name="MASTER with its address",
        make=master,
        exit_code=OK,
        confirmed=True,
        current=True,
        has={"role": "MASTER", "stage": "held", "fifo": "open"},
    ),
    State(
        name="BACKUP, the address elsewhere",
        make=backup,
        exit_code=OK,
        confirmed=False,
        current=True,
        has={"role": "BACKUP", "stage": "idle", "step_down": None, "last_step_down": None},
        shows="web = 203.0.113.10: on {elsewhere}, read",
    ),
    State(
        name="BACKUP of a MASTER",
        make=backup_of_a_master,
        exit_code=OK,
        confirmed=False,
        current=True,
        shows="web = 203.0.113.10: on node-b (id",
    ),
    State(
        name="MASTER by its group",
        make=by_a_group,
        exit_code=OK,
        confirmed=True,
        shows="group G MASTER since",
    ),
    State(
        name="a reload was refused",
        make=reload_refused,
        exit_code=DEGRADED,
        code="config.refused",
        says="the old configuration is in force, and the next start would fail",
        cause="wrong: ",
        confirmed=True,
    ),
    State(
        name="a reload was refused, then one taken over",
        make=reload_refused_and_mended,
        exit_code=OK,
        confirmed=True,
        event="status.ok",
    ),
    State(
        name="one of two instances is in FAULT",
        check_says="",
        make=one_of_two_instances_in_fault,
        exit_code=DEGRADED,
        code="role.fault",
        says="VI_2 is in FAULT: this server cannot become MASTER",
        confirmed=True,
        current=True,
        shows="VI_1 MASTER since",
    ),
    State(
        name="one of two addresses is missing",
        make=one_of_two_addresses_missing,
        exit_code=BROKEN,
        code="address.unresolved",
        says="VI_1: floating IP mail is not found",
        cause="no such floating IP",
        has_since=False,
        confirmed=True,
        shows="web = 203.0.113.10: on this server, confirmed",
    ),
)
