"""With which options a running keepalived was started."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from hakeeper.doctor.conf.options import Options, read_options

_LIMIT_BYTES: Final = 1 << 16


def options_of(pid: int) -> Options | None:
    """Read its command line; None where /proc hides that. The file's path is made absolute.

    A path that begins elsewhere begins where the process works now, which is where it was started:
    keepalived goes back there after reading its files.
    """
    try:
        with Path(f"/proc/{pid}/cmdline").open("rb") as file:
            data = file.read(_LIMIT_BYTES)
    except OSError:
        return None
    if not data:
        return None
    words = [os.fsdecode(word) for word in data.removesuffix(b"\0").split(b"\0")]
    options = read_options(words)
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115  # a text is wanted
    except OSError:
        return options if options.file.startswith("/") else None
    return replace(options, file=options.file_in(folder))
