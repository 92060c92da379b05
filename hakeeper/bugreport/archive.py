"""The archive of a bug report, with a manifest of what is in it and what is not."""

import contextlib
import io
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hakeeper import __version__
from hakeeper.bugreport.parts import Taken
from hakeeper.printable import printable

FOLDER: Final = "hakeeper-bugreport"
MANIFEST: Final = "MANIFEST"


def manifest(parts: Sequence[Taken], unread_secrets: Sequence[str], made: str) -> str:
    """Return what is in the archive, and what is not and why; `made` is the time, for people."""
    width = max(len(part.name) for part in parts)
    lines = [f"hakeeper {__version__}: bug report of {made}, made by user id {os.geteuid()}", ""]
    for part in parts:
        said = "not taken" if part.text is None else f"{len(part.text.encode())} bytes"
        note = f": {part.note}" if part.note else ""
        lines.append(f"{part.name:<{width}}  {said}{note}")
    lines += [
        "",
        "Tokens, Robot's login, auth_pass and the comments of configurations are left out.",
        "Names and addresses of servers and instances are in it.",
    ]
    if unread_secrets:
        lines += ["These could not be read, so their secrets could only be known by their shape:"]
        lines += [f"  {each}" for each in unread_secrets]
    return "\n".join(map(printable, lines)) + "\n"


def write(path: Path, parts: Sequence[Taken], manifest_text: str) -> None:
    """Write a new file that only its owner can read; raises OSError, and leaves no half."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    try:
        with os.fdopen(fd, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            _add(archive, MANIFEST, manifest_text)
            for part in parts:
                if part.text is not None:
                    _add(archive, part.name, part.text)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode("utf-8", "replace")
    member = tarfile.TarInfo(f"{FOLDER}/{name}")
    member.size, member.mode = len(data), 0o600
    archive.addfile(member, io.BytesIO(data))
