"""Puts files in place, all or none, and each as a whole: nobody ever reads half of one.

What was there is kept beside it as `FILE.before-hakeeper-init.N`. A link stays a link: what it
leads to is replaced.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.replaced_file import sync_folder
from hakeeper.setup.errors import SetupError
from hakeeper.setup.plan import NewFile

ENCODING: Final = ("utf-8", "surrogateescape")
"""How texts become bytes: what was not UTF-8 stays as it was."""
_KEPT: Final = ".before-hakeeper-init."
_KEPT_LIMIT: Final = 1000
_FOLDER_MODE: Final = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A file that was put in place, and what is needed to put back what was there."""

    path: Path
    """Where it really is."""
    after: bytes = field(repr=False)
    kept: Path | None
    """What was there before; None: nothing was."""


def beside(path: Path, what: str) -> Path:
    """Return a hidden name in the same folder, which no wildcard of an include matches."""
    return path.with_name(f".{path.name}.hakeeper-init-{what}")


def put_in_place(files: Iterable[NewFile]) -> tuple[Placed, ...]:
    """Put all files in place, in order; on any error put all back, and raise SetupError."""
    done: list[Placed] = []
    try:
        for each in files:
            done.append(_put(each))  # noqa: PERF401  # what was done before an error counts
    except (OSError, SetupError) as error:
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        raise SetupError(f"{reason}; {put_back(done)}", exits.SYSTEM) from None
    return tuple(done)


def put_back(placed: Sequence[Placed]) -> str:
    """Undo it, the last one first; return what is so now. A file that was changed since stays."""
    troubles = []
    for each in reversed(placed):
        try:
            _undo(each)
        except (OSError, SetupError) as error:
            troubles.append(_reason(error) if isinstance(error, OSError) else str(error))
    if troubles:
        return f"not everything could be put back: {'; '.join(troubles)}"
    return "everything was put back as it was" if placed else "nothing was changed"


def _reason(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _put(new: NewFile) -> Placed:
    path = Path(os.path.realpath(new.path))
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    before, after = _bytes_at(path), new.after.encode(*ENCODING)
    if before != (None if new.before is None else new.before.encode(*ENCODING)):
        raise SetupError(f"{path}: was changed by somebody else meanwhile")
    kept = None if before is None else _keep(path, before)
    try:
        _replace(path, after, new.mode)
    except OSError:
        if kept is not None:
            _remove(kept)
        raise
    return Placed(path=path, after=after, kept=kept)


def _bytes_at(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _keep(path: Path, data: bytes) -> Path:
    """Copy a file, with its mode and owner, to the first name that is free."""
    for number in range(1, _KEPT_LIMIT):
        kept = path.with_name(f"{path.name}{_KEPT}{number}")
        if not os.path.lexists(kept):
            write_whole(kept, data, 0o600, like=path)
            return kept
    raise SetupError(f"{path}: there are {_KEPT_LIMIT} copies {path.name}{_KEPT}N; delete some")


def _undo(placed: Placed) -> None:
    path = placed.path
    if _bytes_at(path) != placed.after:
        raise SetupError(f"{path}: was changed by somebody else meanwhile")
    if placed.kept is None:
        path.unlink()
    else:
        placed.kept.replace(path)
    sync_folder(path.parent)


def _replace(path: Path, data: bytes, mode: int) -> None:
    """Give a file this content; one that is there keeps its mode and owner."""
    temporary = beside(path, "new")
    try:
        write_whole(temporary, data, mode, like=path if path.exists() else None)
        temporary.replace(path)
    except OSError:
        _remove(temporary)
        raise
    sync_folder(path.parent)


def write_whole(path: Path, data: bytes, mode: int, *, like: Path | None = None) -> None:
    """Write a new file to the disk, with mode and owner; it is not there if that fails.

    What an earlier run has left at `path` goes. `like`: the mode and owner are that file's.
    """
    _remove(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            if like is not None:
                found = like.stat()
                os.fchown(file.fileno(), found.st_uid, found.st_gid)
                mode = stat.S_IMODE(found.st_mode)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        _remove(path)
        raise OSError(error.errno, error.strerror, str(path)) from None


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
