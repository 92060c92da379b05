"""States of the FIFO. D-Bus is off: so keepalived is not heard at all, which is soon BROKEN."""

import os

from tests.states.scene import Scene
from tests.states.state import BROKEN, DEGRADED, OK, State
from tests.support.privileges import powerless

NOBODY = 65534


def missing(scene: Scene) -> None:
    scene.backup().fifo.unlink()


def missing_at_the_start(scene: Scene) -> None:
    node = scene.node()
    node.keepalived.start()
    node.fifo.unlink()
    node.write_config()
    node.daemon.start(ready=False)


def made_again(scene: Scene) -> None:
    missing(scene)
    node = scene.it
    node.wait_log("status.degraded", code="fifo.missing")
    os.mkfifo(node.fifo, 0o600)
    node.wait_log("fifo.replaced")
    node.role("BACKUP")


def directory(scene: Scene) -> None:
    node = scene.backup()
    node.fifo.unlink()
    node.fifo.mkdir()


def regular_file(scene: Scene) -> None:
    node = scene.backup()
    node.fifo.unlink()
    node.fifo.touch()


def symbolic_link(scene: Scene) -> None:
    node = scene.backup()
    elsewhere = node.folder / "elsewhere.fifo"
    node.fifo.rename(elsewhere)
    node.fifo.symlink_to(elsewhere)


def of_somebody_else(scene: Scene) -> None:
    node = scene.node(prefix=powerless())
    os.chown(node.fifo, NOBODY, NOBODY)
    scene.launch()


def forbidden(scene: Scene) -> None:
    node = scene.node(prefix=powerless())
    node.fifo.chmod(0o000)
    scene.launch()


def read_by_another(scene: Scene) -> None:
    first = scene.cluster.running("node-b")
    scene.values["reader"] = str(first.daemon.pid)
    node = scene.node()
    node.fifo.unlink()
    node.fifo = first.fifo
    node.config["keepalived"]["fifo"] = str(first.fifo)
    scene.launch()


def no_writer(scene: Scene) -> None:
    scene.master().stop_writing()


def written_again(scene: Scene) -> None:
    no_writer(scene)
    node = scene.it
    node.wait_log("status.degraded", code="fifo.no_writer")
    node.master()


def replaced(scene: Scene) -> None:
    """Keepalived goes on with the old one."""
    node = scene.backup()
    node.fifo.unlink()
    os.mkfifo(node.fifo, 0o600)


def replaced_and_silent(scene: Scene) -> None:
    """Keepalived writes to the new one, and has said nothing since."""
    replaced(scene)
    scene.it.write(b"")


def beneath_a_file(scene: Scene) -> None:
    node = scene.node()
    node.config["keepalived"]["fifo"] = str(node.fifo / "notify.fifo")
    node.fifo.unlink()
    node.fifo.touch()
    node.fifo /= "notify.fifo"
    node.keepalived.start()
    node.write_config()
    node.daemon.start(ready=False)


STATES = (
    State(
        name="the FIFO is missing",
        make=missing,
        has={"fifo": "missing"},
        exit_code=DEGRADED,
        code="fifo.missing",
        says="keepalived cannot be heard",
        cause="{path} does not exist",
    ),
    State(
        name="the FIFO is missing from the start, and stays so",
        make=missing_at_the_start,
        exit_code=BROKEN,
        code="fifo.missing",
        says="keepalived cannot be heard",
        cause="{path} does not exist",
    ),
    State(name="the FIFO was made again", make=made_again, exit_code=OK, event="status.ok"),
    State(
        name="a directory is in the FIFO's place",
        has={"fifo": "not a FIFO"},
        make=directory,
        exit_code=DEGRADED,
        code="fifo.not_a_fifo",
        says="keepalived cannot be heard",
        cause="{path} is a directory, not a FIFO",
    ),
    State(
        name="a regular file is in the FIFO's place",
        make=regular_file,
        exit_code=DEGRADED,
        code="fifo.not_a_fifo",
        says="keepalived cannot be heard",
        cause="{path} is a regular file, not a FIFO",
    ),
    State(
        name="a symbolic link is in the FIFO's place",
        make=symbolic_link,
        exit_code=DEGRADED,
        code="fifo.not_a_fifo",
        says="keepalived cannot be heard",
        cause="{path} is a symbolic link, not a FIFO",
    ),
    State(
        name="the FIFO belongs to somebody else",
        has={"fifo": "permission denied"},
        check_says="",
        make=of_somebody_else,
        exit_code=DEGRADED,
        code="fifo.denied",
        says="keepalived cannot be heard",
        cause="no permission to open {path}",
    ),
    State(
        name="the FIFO may be read by nobody, for long",
        check_says="",
        make=forbidden,
        exit_code=BROKEN,
        code="fifo.denied",
        says="keepalived cannot be heard",
        cause="no permission to open {path}",
    ),
    State(
        name="another process reads the FIFO",
        has={"fifo": "held by another reader"},
        make=read_by_another,
        exit_code=DEGRADED,
        code="fifo.busy",
        says="keepalived cannot be heard",
        cause="process {reader} already reads {path}",
    ),
    State(
        name="nobody writes to the FIFO",
        make=no_writer,
        exit_code=DEGRADED,
        code="fifo.no_writer",
        says="keepalived runs, but does not write to {path}",
        cause="its configuration has no such line",
        confirmed=True,
    ),
    State(
        name="nobody writes to the FIFO for long",
        make=no_writer,
        exit_code=BROKEN,
        code="fifo.no_writer",
        says="keepalived runs, but does not write to {path}",
        cause="its configuration has no such line",
    ),
    State(name="the FIFO is written again", make=written_again, exit_code=OK, event="status.ok"),
    State(
        name="the FIFO was replaced, and keepalived writes to the old one",
        make=replaced,
        exit_code=DEGRADED,
        code="fifo.no_writer",
        says="keepalived runs, but does not write to {path}",
        cause="it holds another file of that name",
    ),
    State(
        name="the FIFO was replaced, and keepalived has said nothing since",
        make=replaced_and_silent,
        exit_code=DEGRADED,
        code="role.doubtful",
        says="VI_1: that it is BACKUP is doubtful",
        has={"fifo": "open", "role": "BACKUP"},
    ),
    State(
        name="the FIFO's folder is a file",
        make=beneath_a_file,
        exit_code=DEGRADED,
        code="fifo.failed",
        says="keepalived cannot be heard",
        cause="{path} cannot be opened: Not a directory",
        has={"fifo": "cannot be opened"},
    ),
)
