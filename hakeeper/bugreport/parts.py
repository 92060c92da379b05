"""The parts of a bug report: what is taken, from where, and how much of it at most."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from hakeeper.adapters.bounded_read import NotAFileError, read_bounded
from hakeeper.bugreport.hiding import Hider, learn_secrets
from hakeeper.bugreport.programs import output_of
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.gather.keepalived import read_conf

ROOTS_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for: whoever runs this may be root, and $PATH anybody's."""
UNITS: Final = ("hakeeper", "keepalived")
FILE_BYTES: Final = 256 << 10
OUTPUT_BYTES: Final = 512 << 10
JOURNAL_BYTES: Final = 2 << 20
RECORDING_BYTES: Final = 8 << 20
BESIDE_STATE: Final[Mapping[str, int]] = {
    "pause.json": FILE_BYTES,
    "step-down.json": FILE_BYTES,
    "history.jsonl.1": 1 << 20,
    "history.jsonl": 1 << 20,
}
"""Files beside the state file, and how many bytes of each are taken."""
SHORT_S: Final = 10.0
LONG_S: Final = 90.0
"""For the journal, and for `hakeeper check --online`, which asks over the network."""
CONFS: Final = 50
_UNFIT: Final = re.compile(r"[^\w.-]")
"""In the name of a file in the archive."""
_RECORD: Final = re.compile(r"--record[= ]\"?([^\s\"]+)")


class NotTaken(Exception):  # noqa: N818  # it is told in the manifest
    """Why a part is missing."""


class Absent(NotTaken):
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One part, without secrets. `note`: what is to be known of it, such as that it was cut."""

    name: str
    text: str | None
    note: str = ""


def _ourselves() -> Sequence[str]:
    """Return how this program was started, without its own arguments."""
    words = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    return [sys.executable, *words[1:]]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything is taken from."""

    config: Path
    keepalived_conf: Path
    socket: Path
    state_file: Path
    hours: int
    online: bool = False
    recording: Path | None = None
    """None: the one that the service's unit names, if it does."""
    hakeeper: Sequence[str] = field(default_factory=_ourselves)
    path: str = ROOTS_PATH
    os_release: Path = Path("/etc/os-release")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


class Collector:
    """Takes one part after the other; none of them can fail the others."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._hider = Hider()
        self._units_text = ""
        self.unread_secrets: list[str] = []
        """Files with secrets that could not be read, so that these could not be looked for."""

    def parts(self) -> Iterator[Taken]:
        """Give all parts. Secrets are learned first."""
        it = self._from
        confs = self._learn()
        yield self._part("version.txt", lambda: self._hakeeper("version"))
        status = ("status", "--json", "--socket", str(it.socket))
        yield self._part("status.json", lambda: self._hakeeper(*status))
        check = ("check", "-c", str(it.config), *(["--online"] if it.online else []))
        yield self._part("check.txt", lambda: self._hakeeper(*check))
        yield self._part("hakeeper.yaml", lambda: self._configuration(it.config, "#"))
        yield self._part("os-release", lambda: self._file(it.os_release))
        yield self._part("keepalived-version.txt", lambda: self._run("keepalived", "--version"))
        for number, conf in enumerate(confs[:CONFS]):
            name = f"keepalived/{number:02}-{_UNFIT.sub('_', conf.name)}"
            yield self._part(name, partial(self._keepalived_conf, conf))
        for unit in UNITS:
            for what in ("cat", "show"):
                yield self._part(f"systemd/{unit}.{what}.txt", partial(self._systemctl, what, unit))
        yield self._part("journal.txt", self._journal)
        yield self._part("state.json", partial(self._file, it.state_file, follow=False))
        for name, limit_bytes in BESIDE_STATE.items():
            path = it.state_file.with_name(name)
            yield self._part(name, partial(self._file, path, limit_bytes, follow=False))
        yield self._part("recording.jsonl", self._recording)

    def _learn(self) -> list[Path]:
        """Learn all secrets; return keepalived's files."""
        try:
            config_text = _read(self._from.config, FILE_BYTES)[0]
        except NotTaken:
            config_text = ""
        self.unread_secrets = learn_secrets(self._hider, config_text, self._from.environ)
        conf = read_conf(self._from.keepalived_conf, "")
        files = [self._from.keepalived_conf]
        if isinstance(conf, KeepalivedConf):
            files = list(map(Path, conf.files)) or files
        texts = []
        for file in files:
            try:
                texts.append(_read(file, FILE_BYTES)[0])
            except Absent:
                pass
            except NotTaken as error:
                self.unread_secrets.append(str(error))
        self._hider.add_keepalived("\n".join(texts))
        return files

    def _part(self, name: str, take: Callable[[], tuple[str, str]]) -> Taken:
        try:
            text, note = take()
        except NotTaken as error:
            return Taken(name, None, self._hider.text(str(error)))
        except Exception as error:  # noqa: BLE001  # a bug here must not cost the other parts
            return Taken(name, None, self._hider.text(f"{type(error).__name__}: {error}"))
        return Taken(name, text, self._hider.text(note))

    # --- sorts of parts ----------------------------------------------------------------------

    def _file(
        self, path: Path, limit_bytes: int = FILE_BYTES, *, follow: bool = True
    ) -> tuple[str, str]:
        text, note = _read(path, limit_bytes, follow=follow)
        return self._hider.text(text), note

    def _configuration(self, path: Path, comments: str) -> tuple[str, str]:
        text, note = _read(path, FILE_BYTES)
        return self._hider.configuration(text, comments), note

    def _keepalived_conf(self, path: Path) -> tuple[str, str]:
        text, note = self._configuration(path, "#!")
        return text, "; ".join(filter(None, (str(path), note)))

    def _run(self, program: str, *words: str, **bounds: float) -> tuple[str, str]:
        found = shutil.which(program, path=self._from.path)
        if found is None:
            raise NotTaken(f"{program} is not installed")
        return self._output([found, *words], **bounds)

    def _hakeeper(self, *words: str) -> tuple[str, str]:
        return self._output([*self._from.hakeeper, *words], timeout_s=LONG_S)

    def _output(
        self, argv: Sequence[str], *, timeout_s: float = SHORT_S, limit_bytes: float = OUTPUT_BYTES
    ) -> tuple[str, str]:
        quiet = {"LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0", "NO_COLOR": "1"}
        environ = {**self._from.environ, **quiet, "PATH": self._from.path}
        try:
            output = output_of(argv, environ, timeout_s=timeout_s, limit_bytes=int(limit_bytes))
        except OSError as error:
            raise NotTaken(f"cannot be run: {error.strerror}") from None
        text = output.data.decode("utf-8", "replace")
        notes = []
        if output.is_cut:
            text = text.partition("\n")[2]  # half a secret would not be known as one
            notes.append("only the end of it")
        if output.code is None:
            notes.append(f"ended after {timeout_s:g} s")
        elif output.code:
            notes.append(f"exit code {output.code}")
        return self._hider.text(text), ", ".join(notes)

    def _systemctl(self, what: str, unit: str) -> tuple[str, str]:
        text, note = self._run("systemctl", what, "--no-pager", f"{unit}.service")
        if unit == "hakeeper":
            self._units_text += text
        return text, note

    def _journal(self) -> tuple[str, str]:
        units = [word for unit in UNITS for word in ("-u", f"{unit}.service")]
        since = f"--since=-{self._from.hours}h"
        words = ("--no-pager", "-o", "short-iso-precise", "--no-hostname", since, *units)
        return self._run("journalctl", *words, timeout_s=LONG_S, limit_bytes=JOURNAL_BYTES)

    def _recording(self) -> tuple[str, str]:
        path = self._from.recording
        if path is None:
            named = _RECORD.findall(self._units_text)
            if not named:
                raise NotTaken("the service's unit has no --record (docs/recording.md)")
            path = Path(named[-1])
        text, note = self._file(path, RECORDING_BYTES, follow=False)
        return text, "; ".join(filter(None, (str(path), note)))


def _read(path: Path, limit_bytes: int, *, follow: bool = True) -> tuple[str, str]:
    """Return the text and a note; only whole lines: half a secret would not be known as one.

    `follow`: see `read_bounded`. What lies in a folder of the service's user must not lead root to
    a file that this user may not read.
    """
    try:
        data = read_bounded(path, limit_bytes, follow=follow).data
    except NotAFileError as error:
        raise NotTaken(f"{path} {error}") from None
    except FileNotFoundError as error:
        raise Absent(f"{error.strerror}: {path}") from None
    except OSError as error:
        rights = "; run it as root" if error.errno in (errno.EACCES, errno.EPERM) else ""
        raise NotTaken(f"{error.strerror}: {path}{rights}") from None
    text = data.decode("utf-8", "replace")
    if len(data) <= limit_bytes:
        return text, ""
    return text.rpartition("\n")[0] + "\n", f"only the first {limit_bytes} bytes"
