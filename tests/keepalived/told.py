"""What a real keepalived says that it has read in a file, and the same of hakeeper's reader."""

import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hakeeper.demo.lab.netns import Namespace
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.gather.keepalived import read_conf

CONFIG_ID = "web-a"
DEVICES = ("d0", "d1")
END = b"------< Interfaces >------"
"""Comes after all that counts in keepalived's dump."""
ENDS = (b"exited with permanent error", b"segmentation fault", b"no configuration", b"Stopped")
_NEWLINE = re.compile(rb"^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}: ")
_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Told:
    """The part of a configuration that both can tell."""

    instances: tuple[tuple[str, ...], ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    fifos: tuple[tuple[str, str], ...] = ()
    router_id: str = ""


@dataclass(frozen=True)
class Dump:
    """What keepalived wrote to its console."""

    text: str
    is_started: bool

    def told(self) -> Told:
        """Pick out what counts."""
        instances = re.split(r"^ VRRP Instance = ", self.text, flags=re.MULTILINE)[1:]
        fifos = re.findall(r"^ (Global|VRRP) notify fifo = (.*), uid:gid ", self.text, re.MULTILINE)
        groups = re.split(r"^ VRRP Sync Group = ", self.text, flags=re.MULTILINE)[1:]
        return Told(
            tuple(_instance(one) for one in instances),
            tuple((one.splitlines()[0].rpartition(", ")[0], _members(one)) for one in groups),
            tuple(fifos),
        )


def _block(text: str, title: str) -> tuple[str, ...]:
    match = re.search(rf"^   {title}\n((?:     .*\n)*)", text, re.MULTILINE)
    return () if match is None else tuple(line.strip() for line in match[1].splitlines())


def _members(text: str) -> tuple[str, ...]:
    return _block(text, "VRRP member instances :")


def _value(text: str, title: str) -> str:
    match = re.search(rf"^   {title} (.*)$", text, re.MULTILINE)
    return "" if match is None else match[1]


def _vip(line: str) -> str:
    device = re.search(r" dev (\S+)", line)
    return f"{line.split(maxsplit=1)[0]} dev {device[1] if device else ''}"


def _instance(text: str) -> tuple[str, ...]:
    text = text.partition("\n------<")[0] + "\n"
    source = _value(text, "Using src_ip =")
    vips = (*_block(text, r"Virtual IP \(\d+\):"), *_block(text, "Virtual IP Excluded :"))
    notifies = re.findall(r"^   (\w+) state transition script = (.*), uid", text, re.MULTILINE)
    return (
        text.splitlines()[0],
        _value(text, "Interface ="),
        source.partition(" (from conf")[0].replace("(none)", "") if "(from conf" in source else "",
        " ".join(line.split()[0] for line in _block(text, "Unicast Peer :")),
        " ".join(dict.fromkeys(map(_vip, vips))),
        _value(text, "Priority ="),
        "" if _value(text, "Sync group =") else _value(text, "Wantstate ="),
        _value(text, "Preempt ="),
        _value(text, "Authentication type =") or "none",
        " ".join(line.split()[0] for line in _block(text, "Tracked scripts :")),
        " ".join(f"{name}:{command}" for name, command in sorted(notifies)),
    )


_NOTIFIES = {
    "notify_backup": "Backup",
    "notify_master": "Master",
    "notify_fault": "Fault",
    "notify_stop": "Stop",
    "notify": "Generic",
    "notify_master_rx_lower_pri": "Master rx lower pri",
}


_AUTHS = {None: "none", "PASS": "SIMPLE_PASSWORD", "AH": "IPSEC_AH"}


def by_reader(path: Path, config_id: str = CONFIG_ID) -> tuple[Told, KeepalivedConf]:
    """Read it with hakeeper's reader; of what is odd, only what a namespace of the test has."""
    conf = read_conf(path, config_id)
    assert isinstance(conf, KeepalivedConf), conf
    grouped = {member for group in conf.groups for member in group.members}
    instances = []
    for one in conf.instances:
        vips = [
            f"{str(vip.interface).removesuffix(f'/{vip.interface.max_prefixlen}')} dev {device}"
            for vip in one.vips
            if (device := one.device_of(vip)) in DEVICES
        ]
        commands = [
            f"{_NOTIFIES[each.keyword]}:{_shown(each.words)}"
            for each in one.commands
            if each.keyword in _NOTIFIES
            and (each.user or "root") == "root"
            and Path(each.program).is_file()
        ]
        instances.append(
            (
                one.name,
                one.interface if one.interface in DEVICES else "not configured",
                "" if one.source is None else str(one.source.ip),
                " ".join(str(peer.ip) for peer in one.peers),
                " ".join(vips),
                str(one.priority),
                "" if one.name in grouped else one.state,
                "enabled" if one.is_preempting else "disabled",
                _AUTHS[one.auth_type if one.auth_pass_length else None],
                " ".join(each.name for each in one.tracked),
                " ".join(sorted(commands)),
            )
        )
    names = {one.name for one in conf.instances}
    taken: set[str] = set()
    groups = []
    for group in conf.groups:
        members = tuple(dict.fromkeys(m for m in group.members if m in names - taken))
        taken |= set(members)
        if members:
            groups.append((group.name, members))
    titles = {"notify_fifo": "Global", "vrrp_notify_fifo": "VRRP"}
    fifos = {titles[one.keyword]: one.path for one in reversed(conf.fifos)}
    return Told(tuple(instances), tuple(groups), tuple(sorted(fifos.items()))), conf


def _shown(words: tuple[str, ...]) -> str:
    return " ".join(f"'{word}'" for word in words)


def ask_keepalived(
    program: str, namespace: Namespace, path: Path, config_id: str = CONFIG_ID
) -> Dump:
    """Start keepalived on a file, take its dump, and end it before it does anything."""
    folder = path.parent / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    pids = ("-p", folder / "pid", "-r", folder / "vrrp.pid", "-c", folder / "checkers.pid")
    argv = [program, "-n", "-l", "-d", "-P", "-B", "-i", config_id, "-f", path, *pids]
    process = subprocess.Popen(
        ["timeout", "--signal=KILL", str(_TIMEOUT_S), *namespace.inside([str(e) for e in argv])],
        env={**os.environ, "TMPDIR": str(folder), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )
    lines: list[bytes] = []
    assert process.stdout is not None
    try:
        is_started = False
        for line in process.stdout:
            lines.append(_NEWLINE.sub(b"", line))
            if END in line:
                is_started = True
                break
            if any(each in line for each in ENDS):
                break
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()
    return Dump(b"".join(lines).decode("utf-8", "replace"), is_started)
