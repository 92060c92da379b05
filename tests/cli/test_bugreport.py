"""`hakeeper bugreport`: what is in the archive, what is not, and that no secret ever is."""

import base64
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hakeeper.bugreport.archive import FOLDER, MANIFEST, manifest, write
from hakeeper.bugreport.hiding import Hider, learn_secrets
from hakeeper.bugreport.parts import BESIDE_STATE, Collector, Sources, Taken
from hakeeper.bugreport.programs import output_of
from hakeeper.cli.main import run_command
from tests.adapters.test_status import picture, well
from tests.support.privileges import powerless, public_folder
from tests.support.status_daemon import StatusDaemon, plain
from tests.support.waiting import eventually

TOKEN = "aB3" * 21 + "z"
ODD_TOKEN = "odd.token-of-another-shape"
LOGIN = "#ws+me:Pa55-w0rd!"
PASSWORD = LOGIN.partition(":")[2]
BASIC = base64.b64encode(LOGIN.encode()).decode()
AUTH_PASS, SHORT_PASS, QUOTED_PASS, PARAMETER = "vrrppass", "k33p", "with space", "viaparam"
SECRETS = (
    TOKEN, TOKEN[:32], TOKEN[20:40], ODD_TOKEN, PASSWORD, BASIC, AUTH_PASS, SHORT_PASS, QUOTED_PASS,
    PARAMETER,
)  # fmt: skip
ALL = " ".join((TOKEN, f"{TOKEN[:32]}...", ODD_TOKEN, LOGIN, PASSWORD, BASIC, AUTH_PASS, PARAMETER))
"""What an input may hold of them, wherever it comes from."""
CONF = f"""\
# {ALL} comment
$VRRP_KEY = {PARAMETER}
$IFACE = eth0
include {{folder}}/more.conf
vrrp_instance VI_1 {{
    state BACKUP ! {ALL}
    authentication {{
        auth_type PASS
        auth_pass {AUTH_PASS}
    }}
    notify_master "/bin/tell --password={SHORT_PASS} x"
}}
"""
MORE = f"""\
vrrp_instance VI_2 {{
    authentication {{
        auth_pass "{QUOTED_PASS}"
    }}
    authentication {{
        auth_pass {SHORT_PASS}
    }}
    authentication {{
        auth_pass $VRRP_KEY
    }}
    interface eth0
}}
"""
YAML = """\
# {all} in a comment
instances:
  VI_1:
    floating_ips: [web, "{all}"]
hetzner: {{token_file: {folder}/token}}
robot: {{credentials_file: {folder}/login}}
"""


class Machine:
    """A folder with every input, and programs that stand where systemd's and keepalived's do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.recording = folder / "recording.jsonl"
        files = {
            "token": TOKEN,
            "login": LOGIN,
            "hakeeper.yaml": YAML.format(all=ALL, folder=folder),
            "keepalived.conf": CONF.replace("{folder}", str(folder)),
            "more.conf": MORE,
            "state.json": json.dumps({"said": ALL}),
            "pause.json": json.dumps({"said": ALL}),
            "step-down.json": json.dumps({"said": ALL}),
            "history.jsonl": json.dumps({"said": ALL}) + "\n",
            "history.jsonl.1": json.dumps({"said": ALL}) + "\n",
            "recording.jsonl": json.dumps({"said": ALL}) + "\n",
            "os-release": f"PRETTY_NAME={ALL}\n",
        }
        for name, text in files.items():
            self.file(name, text)
        self.program("systemctl", "\n".join(self.unit()))
        self.program("journalctl", f"{ALL} Authorization: Basic xyz\nauth_pass tiny")
        self.program("keepalived", f"Keepalived v2.2.7 {ALL}", stream=2)

    def unit(self) -> Iterator[str]:
        yield f"ExecStart=hakeeper run --record {self.recording}"
        yield f"Description={ALL}"
        yield "SetCredential=robot-login:u:tiny"
        yield "Environment=HAKEEPER_ROBOT_LOGIN=u:tiny"
        yield "Environment=HCLOUD_TOKEN=tiny"

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def program(self, name: str, prints: str, *, stream: int = 1, then: str = "") -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\ncat >&{stream} <<'END'\n{prints}\nEND\necho \"$@\"\n{then}\n")
        path.chmod(0o755)

    def sources(self, **changes: object) -> Sources:
        values: dict[str, object] = {
            "config": self.folder / "hakeeper.yaml",
            "keepalived_conf": self.folder / "keepalived.conf",
            "socket": self.folder / "control.sock",
            "state_file": self.folder / "state.json",
            "hours": 24,
            "hakeeper": (sys.executable, "-m", "hakeeper"),
            "path": f"{self.bin}:/usr/bin:/bin",
            "os_release": self.folder / "os-release",
            "environ": {"HCLOUD_TOKEN": ODD_TOKEN},
            **changes,
        }
        return Sources(**values)  # type: ignore[arg-type]  # by name

    def taken(self, **changes: object) -> dict[str, Taken]:
        return {part.name: part for part in Collector(self.sources(**changes)).parts()}


@pytest.fixture
def machine() -> Iterator[Machine]:
    with public_folder() as folder:
        yield Machine(folder)


def archived(machine: Machine, **changes: object) -> dict[str, bytes]:
    """Every file of the archive, by its name."""
    collector = Collector(machine.sources(**changes))
    parts = list(collector.parts())
    path = machine.folder / "report.tar.gz"
    write(path, parts, manifest(parts, collector.unread_secrets, "now"))
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read() for name, file in files.items() if file is not None}


def found_in(files: Mapping[str, bytes], secrets: tuple[str, ...] = SECRETS) -> list[str]:
    return [
        f"{name}: {one}" for name, data in files.items() for one in secrets if one.encode() in data
    ]


# --- secrets -----------------------------------------------------------------------------------


def test_no_secret_is_in_it_whatever_holds_one(machine: Machine) -> None:
    daemon = StatusDaemon(machine.folder)
    daemon.status = plain(picture(well())) | {"fifo_detail": ALL}
    with daemon.running():
        files = archived(machine)
    assert found_in(files) == []
    assert found_in(files, ("tiny",)) == []
    names = {name.removeprefix(f"{FOLDER}/") for name in files}
    assert names == {
        "MANIFEST", "version.txt", "status.json", "check.txt", "hakeeper.yaml", "os-release",
        "keepalived-version.txt", "keepalived/00-keepalived.conf", "keepalived/01-more.conf",
        "systemd/hakeeper.cat.txt", "systemd/hakeeper.show.txt", "systemd/keepalived.cat.txt",
        "systemd/keepalived.show.txt", "journal.txt", "state.json", "pause.json", "step-down.json",
        "history.jsonl", "history.jsonl.1", "recording.jsonl",
    }  # fmt: skip
    hidden = [name for name, data in files.items() if b"[hidden]" in data]
    assert len(hidden) == len(files) - 3, "all but the manifest, the versions and the check"


def test_what_helps_stays(machine: Machine) -> None:
    taken = machine.taken()
    texts = {name: part.text or "" for name, part in taken.items()}
    assert "vrrp_instance VI_1 {" in texts["keepalived/00-keepalived.conf"]
    assert "state BACKUP" in texts["keepalived/00-keepalived.conf"]
    assert "$VRRP_KEY = [hidden]\n$IFACE = eth0\n" in texts["keepalived/00-keepalived.conf"]
    assert "auth_pass [hidden]" in texts["keepalived/00-keepalived.conf"]
    assert "interface eth0" in texts["keepalived/01-more.conf"]
    assert "floating_ips: [web" in texts["hakeeper.yaml"]
    assert f"token_file: {machine.folder}/token" in texts["hakeeper.yaml"]
    assert "Keepalived v2.2.7" in texts["keepalived-version.txt"]
    assert "--since=-24h" in texts["journal.txt"]
    assert "-u hakeeper.service -u keepalived.service" in texts["journal.txt"]
    assert texts["version.txt"].startswith("hakeeper ")
    assert json.loads(texts["status.json"])["health"] == "not running"


def test_secrets_are_known_although_the_configuration_is_broken(machine: Machine) -> None:
    (machine.folder / "hakeeper.yaml").write_text(
        f"nonsense: [\nhetzner: {{token_file: {machine.folder}/token}}\n"
        f"robot:\n  credentials_file: '{machine.folder}/login'\n"
    )
    assert found_in(archived(machine)) == []


def test_secrets_that_cannot_be_read_are_named(machine: Machine) -> None:
    (machine.folder / "token").unlink()
    (machine.folder / "token").mkdir()
    hider = Hider()
    text = (machine.folder / "hakeeper.yaml").read_text()
    assert learn_secrets(hider, text, {}) == [f"{machine.folder}/token is a directory"]
    said = archived(machine)[f"{FOLDER}/{MANIFEST}"].decode()
    assert f"could only be known by their shape:\n  {machine.folder}/token is a dir" in said


def test_more_secrets_than_a_redactor_keeps_stay_hidden() -> None:
    hider = Hider()
    secrets = [f"secret-number-{number:03}-of-many" for number in range(30)]
    for secret in secrets:
        hider.add(secret)
    assert "secret" not in hider.text("\n".join(secrets))


def test_a_secret_is_found_as_json_and_addresses_write_it() -> None:
    hider = Hider()
    secret = 'pass"w\u00f6rd/1'
    hider.add(secret)
    for written in (secret, json.dumps(secret), "pass%22w%C3%B6rd%2F1"):
        assert "rd" not in hider.text(f"<{written}>")


def test_what_is_cut_is_cut_between_lines(machine: Machine) -> None:
    """Half a secret would not be known as one."""
    many = "x" * 60 + f" {TOKEN}\n"
    machine.file("state.json", many * 3000)
    machine.file("long", many * 30_000)
    machine.program("journalctl", "", then=f"cat {machine.folder}/long")
    taken = machine.taken()
    for name, note in (
        ("state.json", "only the first 262144 bytes"),
        ("journal.txt", "only the end of it"),
    ):
        part = taken[name]
        assert part.note == note
        assert set((part.text or "").splitlines()) == {"x" * 60 + " [hidden]"}


# --- what cannot be taken ----------------------------------------------------------------------


def test_nothing_there_is_no_failure(machine: Machine) -> None:
    machine.bin.joinpath("systemctl").unlink()
    nowhere = machine.folder / "nowhere"
    taken = machine.taken(
        config=nowhere, keepalived_conf=nowhere, state_file=nowhere / "state.json",
        os_release=nowhere,
        path=str(nowhere), hakeeper=("/nowhere/hakeeper",),
    )  # fmt: skip
    assert [part.name for part in taken.values() if part.text is not None] == []
    notes = {part.note for part in taken.values()}
    assert notes == {
        "cannot be run: No such file or directory",
        f"No such file or directory: {nowhere}",
        *(f"No such file or directory: {nowhere}/{name}" for name in ("state.json", *BESIDE_STATE)),
        "keepalived is not installed",
        "systemctl is not installed",
        "journalctl is not installed",
        "the service's unit has no --record (docs/recording.md)",
    }


def test_no_link_leads_out_of_the_folder_of_the_service(machine: Machine) -> None:
    """The service's user could make one, and root follow it."""
    for name in ("state.json", "recording.jsonl", *BESIDE_STATE):
        (machine.folder / name).unlink()
        (machine.folder / name).symlink_to(machine.folder / "os-release")
        part = machine.taken()[name]
        assert (part.text, part.note) == (None, f"{machine.folder}/{name} is not a regular file")


def test_a_program_that_hangs_is_ended_with_all_that_it_started() -> None:
    script = "echo begun; sleep 1000 & echo $!; wait"
    output = output_of(["/bin/sh", "-c", script], {}, timeout_s=3.0, limit_bytes=1000)
    assert (output.code, output.is_cut) == (None, False)
    begun, child = output.data.decode().split()
    assert begun == "begun"
    eventually(lambda: has_ended(child), 60.0)


def has_ended(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_part_that_hangs_or_fails_is_noted_and_the_others_are_there(machine: Machine) -> None:
    machine.program("keepalived", "half", then="exit 7")
    taken = machine.taken()
    assert taken["keepalived-version.txt"].note == "exit code 7"
    assert taken["journal.txt"].text


def test_a_user_without_rights_gets_what_there_is(machine: Machine) -> None:
    for name in ("hakeeper.yaml", "keepalived.conf", "state.json", "token"):
        (machine.folder / name).chmod(0)
    words = [
        *powerless(), sys.executable, "-m", "hakeeper", "bugreport",
        "-c", f"{machine.folder}/hakeeper.yaml", "--socket", f"{machine.folder}/control.sock",
        "--keepalived-conf", f"{machine.folder}/keepalived.conf", "-o", f"{machine.folder}/r.tgz",
    ]  # fmt: skip
    environ = {"PATH": os.environ["PATH"], "STATE_DIRECTORY": str(machine.folder)}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("hakeeper.yaml", "state.json", "keepalived.conf"):
        assert f"Permission denied: {machine.folder}/{name}; run it as root" in done.stdout
    assert "version.txt" in done.stdout
    assert f"written: {machine.folder}/r.tgz\n" in done.stdout


# --- the archive -------------------------------------------------------------------------------


def report(machine: Machine, *words: str) -> list[str]:
    return [
        "bugreport", "-c", f"{machine.folder}/hakeeper.yaml", "--socket", "/nowhere",
        "--keepalived-conf", f"{machine.folder}/keepalived.conf", *words,
    ]  # fmt: skip


def test_only_its_owner_can_read_it_and_no_file_is_replaced(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    path = machine.file("mine", "keep me")
    link = machine.folder / "link"
    link.symlink_to(machine.folder / "target")
    for there in (path, link):
        assert run_command(report(machine, "-o", str(there))) == 71
        out, err = capfd.readouterr()
        assert (out, err) == ("", f"cannot write {there}: File exists; name another file with -o\n")
    assert path.read_text() == "keep me"
    assert not (machine.folder / "target").exists()
    with pytest.raises(FileExistsError):
        write(path, [], "")
    write(machine.folder / "new", [Taken("a", "b")], "c")
    assert (machine.folder / "new").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_said(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command(report(machine, "-o", f"{machine.folder}/no/file")) == 71
    assert "cannot write" in capfd.readouterr().err


def test_no_half_is_left(machine: Machine) -> None:
    path = machine.folder / "half"
    with pytest.raises(AttributeError):
        write(path, [Taken("a", 7)], "c")  # type: ignore[arg-type]  # to make it fail
    assert not path.exists()


@pytest.mark.parametrize("hours", ["0", "-1", "x", "99999", "1.5", "٣"])
def test_a_wrong_number_of_hours_is_said(capfd: pytest.CaptureFixture[str], hours: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(["bugreport", f"--hours={hours}"])
    assert ended.value.code == 2
    assert "is not a number from 1 to 8784" in capfd.readouterr().err
