"""Runs conf/container/compose.yaml with podman, on a simulated Hetzner.

podman has no compose of its own, so what a service says is turned into the options of `podman run`
here. A key that is not known here fails: what the file says is what is run.
"""

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab.netns import Namespace, made_in
from tests.package.building import REPO
from tests.package.place import VRRP_INSTANCE
from tests.support.waiting import eventually

FOLDER: Final = REPO / "conf/container"
PATIENCE_S: Final = 90.0
"""Bounds a failing test; nothing here takes as long."""
HAKEEPER_ID: Final = 871
"""As in the Containerfile."""
_CONTAINERS_CONF = """\
[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
init_path = "/usr/bin/catatonit"
lock_type = "file"
runtime = "runc"
tmp_dir = "{run_root}/tmp"
"""
"""For a machine whose podman is inside of something itself. Root's podmans share locks and a folder
of what runs, whatever their --root, unless told otherwise: `system reset` takes them from all.
"""
_ULIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]
_CONFIG = """\
server: web-a
instances: {{VI_1: {{floating_ips: [web], vrrp_address: 10.9.0.2}}}}
keepalived: {{state: none}}
hetzner: {{endpoint: "{url}", token_file: /etc/hakeeper/token}}
"""
_KEEPALIVED = f"""\
global_defs {{
    vrrp_version 3
    vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper
    script_user root
    enable_script_security
}}
{VRRP_INSTANCE}"""


@dataclass(frozen=True, slots=True)
class Podman:
    """One with images, containers and volumes of its own, below a folder; see `podman_in`."""

    folder: Path
    run_root: Path
    """Where it notes what runs: it allows this path 50 characters."""
    images: Path | None
    """The folder of another one, whose images it has, too."""

    def run(self, *argv: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run podman; what it says is in the error if it fails."""
        conf = self.folder / "containers.conf"
        conf.write_text(_CONTAINERS_CONF.format(run_root=self.run_root))
        own = [f"--root={self.folder}/storage", f"--runroot={self.run_root}"]
        if self.images is not None:
            own.append(f"--storage-opt=additionalimagestore={self.images}/storage")
        done = subprocess.run(
            ["podman", *own, "--storage-driver=overlay", *argv],
            env=os.environ | {"CONTAINERS_CONF": str(conf)},
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}{done.stderr}"
        return done

    def remove_all(self) -> None:
        """Remove all containers.

        podman tidies up by itself what has ended; until it has done so, `rm` may remove nothing.
        """

        def gone() -> bool:
            self.run("rm", "--all", "--force", "--time=1", check=False)
            return self.run("ps", "--all", "--quiet").stdout == ""

        eventually(gone, PATIENCE_S, "the containers are removed")

    def build(self, base: Path, deb: Path) -> None:
        """Build the image of the Containerfile on the root file system `base`."""
        tar = self.folder / "base.tar"
        argv = ["tar", "--create", "--one-file-system", f"--file={tar}", f"--directory={base}", "."]
        subprocess.run(argv, check=True)
        self.run("import", str(tar), "base")
        tar.unlink()
        self.run(
            *("build", "--isolation=chroot", "--network=host", "--build-arg=BASE=localhost/base"),
            *("--tag=hakeeper", f"--file={FOLDER}/Containerfile", str(deb.parent)),
        )


@contextlib.contextmanager
def podman_in(folder: Path, images: Path | None = None) -> Iterator[Podman]:
    """Make a podman below a folder, with the images of another one, too; it forgets what ran."""
    with tempfile.TemporaryDirectory(prefix="hkpodman", dir="/run") as run_root:
        yield Podman(folder, Path(run_root), images)


def options_of(service: dict[str, Any], network: str, folder: Path) -> list[str]:
    """Return the options and the command of `podman run` that mean what the service says.

    `network` is the namespace that stands for the host's, `folder` has what is /etc there.
    """
    options: list[str] = []
    for key, value in service.items():
        match key, value:
            case "image" | "command" | "depends_on", _:
                pass
            case "restart", _:
                options.append(f"--restart={value}")
            case "user", _:
                options.append(f"--user={value}")
            case "read_only", True:
                options.append("--read-only")
            case "init", True:
                options.append("--init")
            case "network_mode", "host":
                options.append(f"--network=ns:{network}")
            case "network_mode", "none":
                options.append("--network=none")
            case "pid", _:
                options.append(f"--pid={value.replace('service:', 'container:')}")
            case (("cap_drop" | "cap_add" | "security_opt"), _):
                options += [f"--{key.replace('_', '-')}={one}" for one in value]
            case "volumes", _:
                options += [f"--volume={_source(one, folder)}" for one in value]
            case "mem_limit", _:
                options.append(f"--memory={value}")
            case "pids_limit", _:
                options.append(f"--pids-limit={value}")
            case _:
                raise AssertionError(f"{key}: {value} is nothing that this runs")
    return [*options, service["image"], *service["command"]]


def _source(volume: str, folder: Path) -> str:
    return f"{folder}{volume}" if volume.startswith("/") else volume


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The containers that run, and the cloud."""

    podman: Podman
    cloud: SimCloud
    ip: int
    here: int
    there: int

    def status(self) -> dict[str, Any]:
        """Return what `hakeeper status --json` says in hakeeper's container; {}: no answer."""
        done = self.podman.run("exec", "hakeeper", "hakeeper", "status", "--json", check=False)
        answer: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        return answer

    def log(self) -> str:
        """Return what hakeeper has written so far."""
        done = self.podman.run("logs", "hakeeper")
        return done.stdout + done.stderr

    def pid(self, container: str) -> int:
        """Return the pid that the main process of a container has here."""
        return int(self.podman.run("inspect", "--format={{.State.Pid}}", container).stdout)

    def settle(self) -> None:
        """Wait until the address is here, and hakeeper knows it."""
        eventually(lambda: self.cloud.holder(self.ip) == self.here, PATIENCE_S, "the address here")
        eventually(lambda: self.status().get("health") == "ok", PATIENCE_S, "status says ok")


@contextlib.contextmanager
def started(podman: Podman) -> Iterator[SideBySide]:
    """Start what compose.yaml says, in its order; end it afterwards."""
    wanted = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(Namespace("hkbox"))
        host.ip(
            *("link add hktest0 type veth peer name hktest1", "link set hktest1 up"),
            *("link set hktest0 up", "address add 10.9.0.2/24 dev hktest0"),
        )
        cloud = stack.enter_context(made_in(host.path, SimCloud))
        here = cloud.add_server("web-a", private_ips=["10.9.0.2"])
        there = cloud.add_server("web-b")
        ip = cloud.add_floating_ip("web", "203.0.113.10", server=there)
        _configure(podman.folder / "host", cloud.url, cloud.add_client("web-a"))
        for name, volume in wanted["volumes"].items():
            options = (volume or {}).get("driver_opts", {}).items()
            podman.run("volume", "create", *(f"--opt={key}={is_}" for key, is_ in options), name)
        stack.callback(podman.remove_all)
        for name, service in wanted["services"].items():
            argv = options_of(service, host.path, podman.folder / "host")
            podman.run("run", "--detach", f"--name={name}", *_ULIMITS, *argv)
        made = SideBySide(podman, cloud, ip, here, there)
        made.settle()
        yield made


def _configure(host: Path, url: str, token: str) -> None:
    for name in ("keepalived", "hakeeper"):
        (host / "etc" / name).mkdir(parents=True)
    (host / "etc/keepalived/keepalived.conf").write_text(_KEEPALIVED)
    (host / "etc/hakeeper/hakeeper.yaml").write_text(_CONFIG.format(url=url))
    secret = host / "etc/hakeeper/token"
    secret.touch(mode=0o400)
    secret.write_text(token)
    os.chown(secret, HAKEEPER_ID, HAKEEPER_ID)
