"""The playbooks of conf/ansible, run as an operator runs them: from outside, by ssh."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hakeeper.demo.lab import LabError
from tests.e2e.machine import PATIENCE_S, WITNESS
from tests.e2e.pair import Pair, token_of

SHIPPED = Path(__file__).parents[2] / "conf/ansible"
_PROGRAMS = Path(sys.executable).parent
_RUN_S = 5 * PATIENCE_S
_SSH = "-F none -o ControlMaster=auto -o ControlPersist=60s"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a playbook: what it said, and how many tasks changed something, by server."""

    said: str
    changed: dict[str, int]
    is_good: bool


class Operator:
    """Who has the playbooks, a key for the servers, and the tokens in a vault.

    `folder` has a short name: ssh's socket lies in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plays = folder / "ansible"
        shutil.copytree(SHIPPED, self._plays)
        self._key = folder / "key"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._key)]
        subprocess.run(argv, check=True)
        (folder / "vault-password").write_text("test\n")
        (folder / "control").mkdir()

    def prepare(self, pair: Pair) -> None:
        """Give each server what an image of one has; write what differs from the example."""
        for machine in pair.machines:
            machine.shell("apt-get install --yes --quiet openssh-server python3-apt")
            machine.write("/root/.ssh/authorized_keys", self._key.with_suffix(".pub").read_bytes())
            machine.shell("touch /var/lib/apt/lists")  # there is no network to bring newer ones
            self._encrypt(machine.name, {"hakeeper_token": token_of(machine.name)})
        differs = {
            "hakeeper_global_defs": [f"notify_fifo {WITNESS} root root"],
            "hakeeper_apt_cache_valid_s": 1_000_000,
            "hakeeper_settings": {"reconcile": {"interval": "2s", "standby_interval": "5s"}},
        }
        (self._plays / "group_vars/hakeeper/test.yml").write_text(json.dumps(differs))

    def _encrypt(self, server: str, variables: dict[str, str]) -> None:
        vault = self._plays / "host_vars" / server / "vault.yml"
        vault.parent.mkdir(parents=True)
        vault.write_text(json.dumps(variables))
        done = self._start("ansible-vault", "encrypt", str(vault))
        assert done.returncode == 0, done.stderr
        assert vault.read_text().startswith("$ANSIBLE_VAULT;")

    def play(self, playbook: str, *arguments: str, **variables: object) -> Run:
        """Run a playbook with variables on the command line; raises LabError if it fails."""
        run = self.try_to_play(playbook, *arguments, **variables)
        if not run.is_good:
            raise LabError(f"{playbook} {arguments} {variables}:\n{run.said}")
        return run

    def try_to_play(self, playbook: str, *arguments: str, **variables: object) -> Run:
        """Run a playbook that may fail."""
        given = ["-i", "inventory.yml", "-e", json.dumps(variables, default=str)]
        done = self._start("ansible-playbook", *given, playbook, *arguments)
        changed = {}
        for line in done.stdout.partition("PLAY RECAP")[2].splitlines()[1:]:
            server, colon, counts = line.partition(" : ")
            if colon:
                numbers = dict(each.split("=") for each in counts.split())
                changed[server.strip()] = int(numbers["changed"])
        return Run(done.stdout + done.stderr, changed, done.returncode == 0)

    def _start(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [_PROGRAMS / program, *arguments],
            cwd=self._plays,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._folder),
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_HOST_KEY_CHECKING": "no",
                "ANSIBLE_PIPELINING": "yes",
                "ANSIBLE_PRIVATE_KEY_FILE": str(self._key),
                "ANSIBLE_SSH_ARGS": _SSH,
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._folder / "control"),
                "ANSIBLE_VAULT_PASSWORD_FILE": str(self._folder / "vault-password"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_RUN_S,
            check=False,
        )
