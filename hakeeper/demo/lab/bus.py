"""A private D-Bus for one node, so that keepalived's service name can exist once per node."""

from pathlib import Path

from hakeeper.demo.lab.process import LabProcess
from hakeeper.demo.lab.waiting import LabError, wait_until

_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
_START_TIMEOUT_S = 10.0


class Bus:
    """A dbus-daemon on a unix socket, whose path is visible in every network namespace."""

    def __init__(self, folder: Path, name: str) -> None:
        self._socket = folder / "bus"
        config = folder / "bus.conf"
        config.write_text(_CONFIG.format(socket=self._socket))
        self.process = LabProcess(
            f"{name}: dbus-daemon",
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"],
            log_path=folder / "bus.log",
        )
        wait_until(self._ready, timeout_s=_START_TIMEOUT_S, what="dbus-daemon to listen")

    def _ready(self) -> bool:
        if not self.process.running:
            raise LabError(f"dbus-daemon ended: {self.process.log_tail()}")
        return self._socket.exists()

    @property
    def environment(self) -> dict[str, str]:
        """The environment that makes a program use it as the system bus."""
        return {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self._socket}"}

    def close(self) -> None:
        """Stop it."""
        self.process.close()
