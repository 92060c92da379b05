"""The options that a running keepalived was started with."""

import os
from dataclasses import replace

from hakeeper.adapters.keepalived.processes import arguments_of
from hakeeper.doctor.conf.options import Options, read_options


def options_of(pid: int) -> Options | None:
    """Read its command line, with the file's path made absolute; None: /proc hides it.

    A relative path is relative to the process's working directory, where it was started:
    keepalived returns there after reading its files.
    """
    words = arguments_of(pid)
    if not words:
        return None
    options = read_options(words)
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115  # a string is wanted
    except OSError:
        return options if options.file.startswith("/") else None
    return replace(options, file=options.file_in(folder))
