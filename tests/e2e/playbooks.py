"""The playbooks of conf/ansible, run as an operator runs them: from a machine of his own, by ssh."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hakeeper.demo.lab import LabError
from tests.e2e.machine import PATIENCE_S, WITNESS, Machine
from tests.e2e.pair import Pair, token_of

SHIPPED = Path(__file__).parents[2] / "conf/ansible"
PROGRAMS = Path(sys.executable).parent
_RUN_S = 5 * PATIENCE_S
_SSH = "-F none -o ControlMaster=auto -o ControlPersist=60s"


@dataclass(frozen=True, slots=True)
class Recap:
    """What a run has done to one server: numbers of tasks."""

    changed: int
    failed: int
    ok: int


class Operator:
    """Who has the playbooks, a key for the servers, and the tokens in a vault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plays = folder / "ansible"
        shutil.copytree(SHIPPED, self.plays)
        self._key = folder / "key"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._key)]
        subprocess.run(argv, check=True)
        (folder / "vault-password").write_text("test\n")
        (folder / "control").mkdir()

    def prepare(self, pair: Pair) -> None:
        """Give each server what an image of a server has; and each its token, and the test's FIFO."""
        for machine in pair.machines:
            machine.shell("apt-get install --yes --quiet openssh-server python3-apt")
            machine.write("/root/.ssh/authorized_keys", self._key.with_suffix(".pub").read_bytes())
            self._encrypt(machine.name, {"hakeeper_token": token_of(machine.name)})
        # The lists lie there, and there is no network to bring newer ones.
        for machine in pair.machines:
            machine.shell("touch /var/lib/apt/lists")
        extra = {
            "hakeeper_global_defs": [f"notify_fifo {WITNESS} root root"],
            "hakeeper_apt_cache_valid_s": 1_000_000,
            "hakeeper_settings": {"reconcile": {"interval": "2s", "standby_interval": "5s"}},
        }
        (self.plays / "group_vars/hakeeper/test.yml").write_text(json.dumps(extra))

    def _encrypt(self, server: str, variables: dict[str, str]) -> None:
        vault = self.plays / "host_vars" / server / "vault.yml"
        vault.parent.mkdir(parents=True)
        vault.write_text(json.dumps(variables))
        self._run("ansible-vault", "encrypt", str(vault))
        assert vault.read_text().startswith("$ANSIBLE_VAULT;")

    def play(self, *arguments: str, check: bool = True) -> tuple[dict[str, Recap], str]:
        """Run a playbook; return its recap by server, and all that it has said."""
        done = self._run("ansible-playbook", "-i", "inventory.yml", *arguments, check=False)
        said = done.stdout + done.stderr
        if check and done.returncode != 0:
            raise LabError(f"ansible-playbook {' '.join(arguments)}:\n{said}")
        return _recap(done.stdout), said

    def _run(
        self, program: str, *arguments: str, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [PROGRAMS / program, *arguments],
            cwd=self.plays,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_HOST_KEY_CHECKING": "no",
                "ANSIBLE_PRIVATE_KEY_FILE": str(self._key),
                "ANSIBLE_SSH_ARGS": _SSH,
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "control"),
                "ANSIBLE_PIPELINING": "yes",
                "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "vault-password"),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_DEPRECATION_WARNINGS": "yes",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_RUN_S,
            check=False,
        )
        if check and done.returncode != 0:
            raise LabError(f"{program}: {done.stdout}{done.stderr}")
        return done


def _recap(said: str) -> dict[str, Recap]:
    found: dict[str, Recap] = {}
    for line in said.partition("PLAY RECAP")[2].splitlines()[1:]:
        server, _, rest = line.partition(":")
        numbers: dict[str, Any] = dict(each.split("=") for each in rest.split())
        if numbers:
            found[server.strip()] = Recap(
                int(numbers["changed"]), int(numbers["failed"]), int(numbers["ok"])
            )
    return found


def newest_backup(machine: Machine) -> str:
    """Return the copy of keepalived.conf that a run has left beside it; empty without one."""
    return machine.shell("ls -t /etc/keepalived/keepalived.conf.*~ 2>/dev/null | head -n 1").strip()
