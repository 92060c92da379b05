"""Programs of ours in the place of the service, in its sandbox."""

import re
from pathlib import Path

from tests.package.building import REPO
from tests.package.machine import Machine


def put_in_the_sandbox(machine: Machine, script: str, kind: str, *arguments: str) -> None:
    """Make a unit, named after the script, that differs from the service in what it runs."""
    name = Path(script).stem
    program = (REPO / "tests/package" / script).read_text()
    machine.inside(f"/usr/lib/hakeeper/{script}").write_text(program)
    unit = machine.inside("/usr/lib/systemd/system/hakeeper.service").read_text()
    words = " ".join(["/usr/bin/python3 -IS", f"/usr/lib/hakeeper/{script}", *arguments])
    for key, value in {"Type": kind, "ExecStart": words, **_GONE}.items():
        line = f"{key}={value}" if value else ""
        unit, count = re.subn(rf"^{key}=.*$", line, unit, flags=re.MULTILINE)
        assert count == (2 if key in _EACH_SECRET else 1), key
    machine.inside(f"/etc/systemd/system/{name}.service").write_text(unit)
    machine.run("systemctl daemon-reload")


_GONE = {
    "ConditionPathExists": "",
    "LoadCredential": "",
    "SetCredential": "",
    "Restart": "",
    "WatchdogSec": "",
}
"""It runs once, and needs nothing."""
_EACH_SECRET = ("LoadCredential", "SetCredential")
"""There is one for the token and one for the login of Robot."""
