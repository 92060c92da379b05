"""A stand-in for keepalived's processes: their names and pid files, and nothing else.

hakeeper believes its state file only for the same run of keepalived, and holds that process. So it
has to be a real one: a parent named keepalived with a child named keepalived_vrrp.
"""

import os
import shutil
from pathlib import Path

from hakeeper.demo.lab.process import LabProcess
from tests.support.waiting import eventually

_SCRIPT = """
"$0_vrrp" 900 &
echo $! > "$1/vrrp.pid"
echo $$ > "$1/keepalived.pid"
wait
"""


def out_of_sight(*argv: str) -> list[str]:
    """Return the command that runs what stands for keepalived; it keeps its pid.

    As root in a network of its own: else whoever looks for the keepalived of this machine's
    network, as other tests do at the same time, would find it.
    """
    return ["unshare", "--net", *argv] if os.geteuid() == 0 else [*argv]


class StandIn:
    """Starts and kills; the FIFO's lines are written by the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._program = folder / "keepalived"
        for link, program in (("keepalived", "sh"), ("keepalived_vrrp", "sleep")):
            found = shutil.which(program)
            assert found is not None
            shutil.copy(found, folder / link)  # the executable's own name counts
        self.pid_file = folder / "keepalived.pid"
        self._process: LabProcess | None = None

    def start(self) -> None:
        """Start a new run, and wait until its pid files are written."""
        self.kill()
        self.pid_file.unlink(missing_ok=True)
        process = LabProcess(
            "keepalived",
            out_of_sight(str(self._program), "-c", _SCRIPT, str(self._program), str(self._folder)),
            log_path=self._folder / "keepalived.log",
        )
        self._process = process
        written = f"{process.pid}\n"
        eventually(lambda: self.pid_file.exists() and self.pid_file.read_text() == written)

    def kill(self) -> None:
        """SIGKILL to both processes; the pid files stay, as they do with the real one."""
        if self._process is not None:
            self._process.close()
            self._process = None
