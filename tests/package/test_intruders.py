"""The service's own user when it is taken over, and what surrounds a command of root's."""

import json
import re
import shlex

import pytest

from tests.package.place import NEIGHBOUR, PATIENCE_S, Place
from tests.package.sandbox import put_in_the_sandbox
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(1200)
STARTS = 4
"""Of keepalived, while somebody tries to be quicker. In a folder of his own he won at the first."""
_NUMBER = re.compile(r"[0-9.]+")
"""The quota and the clock go on."""
RESTART = "systemctl reset-failed; systemctl restart keepalived"
"""Also where systemd would say that it was too often."""
HELD = {"EACCES", "EPERM", "EROFS", "EXDEV", "ENOENT", "EEXIST"}


def test_the_services_user_gets_no_file_through_keepalived(place: Place) -> None:
    run = place.machine.run
    before = run("find / -xdev -user hakeeper | sort").stdout
    run("systemctl stop hakeeper")
    put_in_the_sandbox(
        place.machine, "swapper.py", "exec", "/var/lib/hakeeper/inside.json", "/etc/shadow"
    )
    started = (
        "systemctl start swapper; systemd-run --quiet --unit=outside --uid=hakeeper"
        " python3 /usr/lib/hakeeper/swapper.py /var/lib/hakeeper/outside.json /etc/shadow"
    )
    ended = "systemctl stop swapper outside; rm -rf /run/hakeeper/daemon"
    try:
        run(f"install -d -o hakeeper /run/hakeeper/daemon; {started}")
        for _ in range(STARTS):
            run(f"rm -f /run/hakeeper/notify.fifo; {RESTART}")
            eventually(lambda: "fifo" in kind_of_the_fifo(place), PATIENCE_S, "a new FIFO")
        assert kind_of_the_fifo(place) == "fifo hakeeper"
        run(ended)
        for told in ("inside.json", "outside.json"):
            tries = tried(place, told)
            allowed = {what for what, how in tries.items() if "ALLOWED" in how}
            assert allowed <= {"a link at /run/hakeeper/daemon/link"}, "there alone it may write"
            assert set().union(*tries.values()) <= {"ALLOWED", *HELD}
            assert "EACCES" in tries["remove"]
            assert "EACCES" in tries["a link at once"]
        assert run("find / -xdev -user hakeeper | sort").stdout == before
        assert place.machine.says("stat -c %U /run/hakeeper /etc/shadow") == "root\nroot"

        # It would have been seen: in a folder of that user nothing is refused.
        run(f"chown hakeeper /run/hakeeper; install -d -o hakeeper /run/hakeeper/daemon; {started}")
        run(f"rm -f /run/hakeeper/notify.fifo; {RESTART}; {ended}")
        assert "ALLOWED" in tried(place, "inside.json")["a link at once"]
    finally:
        run("systemctl stop swapper outside; rm -rf /run/hakeeper/*", check=False)
        run("chown root:shadow /etc/shadow")  # by then it may have been given away
        run(f"systemd-tmpfiles --create hakeeper.conf; {RESTART} hakeeper")
    place.settle()


def kind_of_the_fifo(place: Place) -> str:
    return place.machine.says("stat -c '%F %U' /run/hakeeper/notify.fifo")


def tried(place: Place, told: str) -> dict[str, list[str]]:
    """Return what one of them has tried, and how it ended; and forget it."""
    path = place.machine.inside(f"/var/lib/hakeeper/{told}")
    found: dict[str, dict[str, list[str]]] = json.loads(path.read_text())
    path.unlink()
    return found["tries"]


TRAPS = """
import os, pathlib, stat
marks = pathlib.Path("/tmp/trap/marks")
marks.mkdir(parents=True)
marks.chmod(0o777)
trap = marks.parent
def mark(name):
    return f"open({str(marks / name)!r}, 'w').close()\\n"
for name in ("hakeeper", "yaml", "systemd", "jeepney", "hcloud", "requests", "json", "ssl"):
    (trap / name).mkdir()
    (trap / name / "__init__.py").write_text(mark(name))
for name in ("sitecustomize", "usercustomize", "start", "socket"):
    (trap / f"{name}.py").write_text(mark(name))
for version in ("3.11", "3.13"):
    site = trap / f".local/lib/python{version}/site-packages"
    site.mkdir(parents=True)
    (site / "own.pth").write_text("import os; " + mark("pth"))
    (site / "usercustomize.py").write_text(mark("user"))
(trap / "bin").mkdir()
for name in ("keepalived", "ip", "python3", "systemctl", "sh", "id", "getent", "networkctl"):
    program = trap / "bin" / name
    program.write_text(f"#!/bin/sh\\n: >{marks / name}\\n")
    program.chmod(0o755)
(trap / "hakeeper.yaml").write_text("instances: {OTHER: {floating_ips: [web]}}\\n")
(trap / ".netrc").write_text("default login x password y\\n")
print("{}")
"""
"""What another user lays out, hoping that root comes by."""
SURROUNDINGS = {
    "HOME": "/tmp/trap",
    "PATH": "/tmp/trap/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONPATH": "/tmp/trap",
    "PYTHONSTARTUP": "/tmp/trap/start.py",
    "PYTHONHOME": "/tmp/trap",
    "PYTHONUSERBASE": "/tmp/trap/.local",
    "PYTHONINSPECT": "1",
    "PYTHONPLATLIBDIR": "/tmp/trap",
    "PYTHONPYCACHEPREFIX": "/tmp/trap/marks",
    "SSLKEYLOGFILE": "/tmp/trap/marks/keys",
    "SSL_CERT_FILE": "/tmp/trap/hakeeper.yaml",
    "SSL_CERT_DIR": "/tmp/trap",
    "REQUESTS_CA_BUNDLE": "/tmp/trap/hakeeper.yaml",
    "NETRC": "/tmp/trap/.netrc",
    "http_proxy": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "HCLOUD_ENDPOINT": "http://127.0.0.1:9/v1",
    "HAKEEPER_CONFIG": "/tmp/trap/hakeeper.yaml",
    "HAKEEPER_ENDPOINT": "http://127.0.0.1:9/v1",
    "HAKEEPER_SOCKET": "/tmp/trap/control.sock",
}


def test_what_surrounds_a_command_of_roots_does_not_reach_it(place: Place) -> None:
    place.run_as(NEIGHBOUR, TRAPS)
    try:
        place.machine.run("cd /tmp/trap && python3 -c 'import yaml' && rm marks/yaml")  # they snap
        for command in ("check", "status --json", "--version", "reload"):
            is_the_same_there(place, command)
        seen = len(place.cloud.requests())
        is_the_same_there(place, "check --online")
        asked = {one.client for one in place.cloud.requests(after_seq=seen)}
        assert asked == {"web-a", ""}, "its clock is asked without a token"
        assert place.health() == "ok"
        # systemd is asked what became of a keepalived that has ended by itself.
        place.machine.run("systemctl kill --signal=SEGV keepalived")
        eventually(lambda: place.machine.says("pgrep keepalived") == "", PATIENCE_S)
        is_the_same_there(place, "check --online")
    finally:
        place.machine.run(f"rm -rf /tmp/trap; {RESTART}")
        place.settle()


def is_the_same_there(place: Place, command: str) -> None:
    """Run it as root, in order and among the traps: no difference, and none snaps."""
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in SURROUNDINGS.items())
    plain = place.machine.run(f"/usr/bin/hakeeper {command}", check=False)
    there = place.machine.run(
        f"cd /tmp/trap && env {given} /usr/bin/hakeeper {command}", check=False
    )
    assert list(place.machine.inside("/tmp/trap/marks").iterdir()) == [], command
    assert (there.returncode, there.stderr) == (plain.returncode, plain.stderr), command
    if not command.startswith("status"):  # which tells how long ago something was
        assert _NUMBER.sub("", there.stdout) == _NUMBER.sub("", plain.stdout)
