"""States that an operator asked for: a pause, and a step-down."""

from collections.abc import Callable

from hakeeper.adapters.step_down_texts import STAGE_TEXTS
from hakeeper.cli.step_down import ask_for_it
from tests.states.scene import EAGER, Scene
from tests.states.state import BROKEN, DEGRADED, OK, State

STEPPED_DOWN = "this server stepped down for root (uid 0): other nodes go first"


def paused(scene: Scene) -> None:
    node = scene.master()
    assert node.daemon.command("pause", "--reason", "a new kernel").returncode == 0


def left_by_a_pause(scene: Scene) -> None:
    node = scene.backup()
    assert node.daemon.command("pause", "--reason", "a new kernel").returncode == 0
    node.master()
    node.wait_log("claim.paused")


def awaiting_master(scene: Scene) -> None:
    """Keepalived hears no better node yet. The whole command would wait for one."""
    node = scene.master(**EAGER)
    ask_for_it(str(node.daemon.runtime_folder / "control.sock"), 600.0, "a new kernel")


def awaiting_claim(scene: Scene) -> None:
    awaiting_master(scene)
    scene.it.backup()


def stepped_down(scene: Scene) -> None:
    awaiting_claim(scene)
    scene.cloud.move(scene.cluster.web, scene.cluster.elsewhere)
    scene.it.wait_log("step_down.done")


def master_again(scene: Scene) -> None:
    """The better node is lost while the step-down lasts."""
    stepped_down(scene)
    scene.it.master()
    scene.cluster.wait_holder(scene.it)


def stepped_up(scene: Scene) -> None:
    stepped_down(scene)
    assert scene.it.daemon.command("step-up").returncode == 0


def came_back(scene: Scene) -> None:
    """The node that was MASTER for a moment did not claim; the priority is given back."""
    awaiting_claim(scene)
    scene.it.master()
    scene.it.wait_log("step_down.failed")


def _stepped_down(
    name: str, make: Callable[[Scene], None], *, stage: str, event: str, confirmed: bool
) -> State:
    """A step-down in one of its stages."""
    return State(
        name=name,
        make=make,
        exit_code=DEGRADED,
        code="hakeeper.stepped_down",
        says=STEPPED_DOWN,
        cause="a new kernel",
        confirmed=confirmed,
        event=event,
        has={"step_down": stage},
        shows=f"; {STAGE_TEXTS[stage]}",
    )


STATES = (
    State(
        name="MASTER and paused",
        make=paused,
        exit_code=DEGRADED,
        code="hakeeper.paused",
        says="hakeeper is paused by root (uid 0): it moves nothing",
        cause="a new kernel",
        confirmed=True,
        event="pause.begun",
        shows="PAUSED by root (uid 0) since ",
        check_says="hakeeper is paused by root (uid 0): it moves nothing",
    ),
    State(
        name="MASTER of an address that is left because of a pause",
        make=left_by_a_pause,
        exit_code=BROKEN,
        code="address.paused",
        says="web = 203.0.113.10 stays with {elsewhere}, although this server is",
        cause="hakeeper is paused",
        confirmed=False,
        has={"stage": "about to assign"},
        shows="due, and hakeeper is paused",
        check_says="hakeeper is paused",
    ),
    _stepped_down(
        "stepping down, and no other node is MASTER yet",
        awaiting_master,
        stage="awaiting_master",
        event="step_down.begun",
        confirmed=True,
    ),
    _stepped_down(
        "stepping down, and the other node has not claimed yet",
        awaiting_claim,
        stage="awaiting_claim",
        event="step_down.begun",
        confirmed=False,
    ),
    _stepped_down(
        "stepped down, and the address is elsewhere",
        stepped_down,
        stage="down",
        event="step_down.done",
        confirmed=False,
    ),
    _stepped_down(
        "stepped down, and MASTER again since no other node is left",
        master_again,
        stage="master_again",
        event="step_down.done",
        confirmed=True,
    ),
    State(
        name="a step-down was ended",
        make=stepped_up,
        exit_code=OK,
        confirmed=False,
        has={"step_down": None, "last_step_down": "stepped_up"},
    ),
    State(
        name="a step-down was taken back",
        make=came_back,
        exit_code=OK,
        confirmed=True,
        has={"step_down": None, "last_step_down": "came_back"},
    ),
)
