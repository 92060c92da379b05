"""With which options a running keepalived was started."""

import os
from dataclasses import replace

from hakeeper.adapters.keepalived.processes import arguments_of
from hakeeper.doctor.conf.options import Options, read_options


def options_of(pid: int) -> Options | None:
    """Read its command line; None where /proc hides that. The file's path is made absolute.

    A path that begins elsewhere begins where the process works now, which is where it was started:
    keepalived goes back there after reading its files.
    """
    words = arguments_of(pid)
    if not words:
        return None
    options = read_options(words)
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115  # a text is wanted
    except OSError:
        return options if options.file.startswith("/") else None
    return replace(options, file=options.file_in(folder))
