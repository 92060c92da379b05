"""States of keepalived and of its instances."""

from tests.states.scene import Scene
from tests.states.state import BROKEN, DEGRADED, LOST, OK, State
from tests.support.fake_bus import FakeBus, Hung

PRIVATE = "10.90.0.2"


def never_heard(scene: Scene) -> None:
    scene.running()


def without_a_bus(scene: Scene, state: str) -> None:
    nowhere = f"unix:path={scene.cluster.folder}/no-bus"
    node = scene.node(environment={"DBUS_SYSTEM_BUS_ADDRESS": nowhere})
    node.config["keepalived"]["state"] = state
    scene.launch()


def never_heard_nor_asked(scene: Scene) -> None:
    without_a_bus(scene, "auto")


def heard_and_not_asked(scene: Scene) -> None:
    """D-Bus is demanded, and there is none."""
    without_a_bus(scene, "dbus")
    scene.it.role("BACKUP")


def hangs(scene: Scene) -> None:
    """It is on D-Bus, and lets questions wait, as after a SIGSTOP."""
    bus = FakeBus(scene.cluster.folder / "bus", Hung())
    scene.stack.callback(bus.close)
    node = scene.node(environment={"DBUS_SYSTEM_BUS_ADDRESS": bus.address})
    node.config["keepalived"]["state"] = "auto"
    scene.launch().role("BACKUP")


def killed(scene: Scene) -> None:
    scene.backup().keepalived.kill()


def killed_as_master(scene: Scene) -> None:
    scene.master().keepalived.kill()


def never_ran(scene: Scene) -> None:
    scene.node()
    scene.launch(keepalived=False)


def stopped_in_order(scene: Scene) -> None:
    node = scene.backup()
    node.role("STOP")
    node.wait_log("role.changed", role="STOPPED")
    node.keepalived.kill()


def started_again_in_silence(scene: Scene) -> None:
    node = scene.backup()
    node.keepalived.kill()
    node.wait_log("keepalived.gone")
    node.keepalived.start()


def pid_file_wrong(scene: Scene) -> None:
    node = scene.node()
    node.config["keepalived"]["pid_file"] = str(node.folder / "other.pid")
    scene.launch().role("BACKUP")


def other_names(scene: Scene) -> None:
    node = scene.running()
    node.role("BACKUP", "VI_web")
    node.role("BACKUP", "VI_mail")
    scene.values["name"] = "VI_web"


def fault(scene: Scene) -> None:
    scene.running().role("FAULT")


def fault_and_nobody(scene: Scene) -> None:
    node = scene.running()
    scene.cloud.move(scene.cluster.web, None)
    node.role("FAULT")


def instance_stopped(scene: Scene) -> None:
    scene.backup().role("STOP")


def instance_deleted(scene: Scene) -> None:
    scene.backup().role("DELETED")


def isolated(scene: Scene) -> None:
    node = scene.node()
    node.config["instances"]["VI_1"]["vrrp_address"] = LOST


def isolated_backup(scene: Scene) -> None:
    isolated(scene)
    scene.launch().role("BACKUP")


def isolated_master(scene: Scene) -> None:
    isolated(scene)
    scene.launch().master()


def back(scene: Scene) -> None:
    """The private address is lost, and comes back."""
    node, namespace = scene.apart()
    namespace.ip(f"addr add {PRIVATE}/24 dev lo")
    node.config["instances"]["VI_1"]["vrrp_address"] = PRIVATE
    node.write(b"")
    node.start()
    node.backup()
    namespace.ip(f"addr del {PRIVATE}/24 dev lo")
    node.wait_log("status.degraded", code="vrrp_address.missing")
    namespace.ip(f"addr add {PRIVATE}/24 dev lo")


STATES = (
    State(
        name="nothing was ever heard of a role",
        make=never_heard,
        exit_code=DEGRADED,
        code="role.unknown",
        has={"role": "UNKNOWN"},
        says="VI_1: the role is not known",
        cause="keepalived runs, but has not said it",
    ),
    State(
        name="nothing was ever heard of a role, for long",
        make=never_heard,
        exit_code=BROKEN,
        code="role.unknown",
        says="VI_1: the role is not known",
        cause="keepalived runs, but has not said it",
    ),
    State(
        name="nothing was ever heard, and D-Bus is not there",
        make=never_heard_nor_asked,
        exit_code=DEGRADED,
        code="role.unknown",
        cures=("keepalived.unasked",),
        says="VI_1: the role is not known",
        cause="it cannot be asked: ",
    ),
    State(
        name="D-Bus is demanded and not there",
        make=heard_and_not_asked,
        exit_code=DEGRADED,
        code="keepalived.unasked",
        says="keepalived.state is dbus, and keepalived cannot be asked",
        cause="no bus at ",
        has_since=False,
    ),
    State(
        name="keepalived hangs",
        make=hangs,
        exit_code=DEGRADED,
        code="keepalived.hangs",
        says="keepalived hangs",
        cause="keepalived is on the bus, but does not answer in time",
        has={"role": "BACKUP"},
    ),
    State(
        name="keepalived was killed",
        make=killed,
        exit_code=DEGRADED,
        code="keepalived.gone",
        says="keepalived does not run",
        cause="ended",
        event="keepalived.gone",
    ),
    State(
        name="keepalived was killed as MASTER, and stays away",
        make=killed_as_master,
        exit_code=BROKEN,
        code="keepalived.gone",
        says="keepalived does not run",
        cause="ended",
    ),
    State(
        name="keepalived never ran",
        make=never_ran,
        exit_code=BROKEN,
        code="keepalived.gone",
        says="keepalived does not run",
        cause="keepalived.pid_file leads to no keepalived",
    ),
    State(
        name="keepalived was stopped in order",
        make=stopped_in_order,
        exit_code=DEGRADED,
        code="keepalived.stopped",
        says="keepalived was stopped in order",
    ),
    State(
        name="keepalived was started again, and says nothing",
        make=started_again_in_silence,
        exit_code=DEGRADED,
        code="role.unknown",
        says="VI_1: the role is not known",
        cause="keepalived runs, but has not said it",
    ),
    State(
        name="pid_file is wrong, and lines come",
        make=pid_file_wrong,
        exit_code=DEGRADED,
        code="keepalived.unseen",
        says="keepalived writes lines, but its process is not seen",
        cause="keepalived.pid_file leads to no keepalived",
    ),
    State(
        name="the instance has another name",
        make=other_names,
        exit_code=DEGRADED,
        code="role.unheard",
        says="keepalived never speaks of VI_1",
        cause="it speaks of VI_web, VI_mail",
    ),
    State(
        name="FAULT, the address elsewhere",
        check_says="",
        make=fault,
        exit_code=DEGRADED,
        code="role.fault",
        says="VI_1 is in FAULT: this server cannot become MASTER",
        has={"role": "FAULT"},
        confirmed=False,
        current=True,
    ),
    State(
        name="FAULT, the address with nobody",
        make=fault_and_nobody,
        exit_code=BROKEN,
        code="address.nowhere",
        says="web = 203.0.113.10 is on no server",
        confirmed=False,
        current=True,
    ),
    State(
        name="the instance was stopped, and keepalived runs",
        check_says="",
        make=instance_stopped,
        exit_code=DEGRADED,
        code="role.stopped",
        has={"role": "STOPPED"},
        says="VI_1 was stopped or removed by keepalived, which runs",
    ),
    State(
        name="the instance was removed, and stays so",
        check_says="",
        make=instance_deleted,
        exit_code=BROKEN,
        code="role.stopped",
        says="VI_1 was stopped or removed by keepalived, which runs",
    ),
    State(
        name="vrrp_address is missing, as BACKUP",
        make=isolated_backup,
        exit_code=DEGRADED,
        code="vrrp_address.missing",
        says=f"VI_1: nothing is claimed: vrrp_address {LOST} is not on this machine",
    ),
    State(
        name="vrrp_address is missing, as MASTER, for long",
        make=isolated_master,
        exit_code=BROKEN,
        code="vrrp_address.missing",
        says=f"VI_1: nothing is claimed: vrrp_address {LOST} is not on this machine",
        confirmed=False,
    ),
    State(
        name="vrrp_address came back a moment ago",
        make=back,
        exit_code=DEGRADED,
        code="vrrp_address.returning",
        says="VI_1: its private address is back",
        event="vrrp_address.found",
        is_fleeting=True,
    ),
    State(
        name="vrrp_address is back",
        make=back,
        exit_code=OK,
        event="status.ok",
        current=True,
    ),
)
