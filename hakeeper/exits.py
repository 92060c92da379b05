"""Exit codes of every command; scripts and systemd units rely on them.

The numbers from 64 on are those of sysexits(3). `hakeeper status` has its own meanings for
0 to 3, and says so in its help.
"""

from typing import Final

OK: Final = 0
"""Done, or stopped in order."""
USAGE: Final = 2
"""The command line makes no sense; argparse's own number."""
NO_CONFIG: Final = 66
"""There is no configuration file at that path (EX_NOINPUT)."""
NOT_READY: Final = 69
"""A failover to this server would not work, as far as `hakeeper check --online` can tell
(EX_UNAVAILABLE)."""
BROKEN: Final = 70
"""A broken invariant or an unexpected exception: a bug in hakeeper (EX_SOFTWARE)."""
SYSTEM: Final = 71
"""The system refused something that the daemon cannot do without (EX_OSERR); nothing is wrong with
the configuration, and the next attempt may work."""
NO_PERMISSION: Final = 77
"""A file is there and may not be read (EX_NOPERM)."""
BAD_CONFIG: Final = 78
"""The configuration, or the API token that belongs to it, is wrong or missing (EX_CONFIG)."""
INTERRUPTED: Final = 130
"""Ctrl-C: 128 + SIGINT, as shells count."""
PIPE_CLOSED: Final = 141
"""Whoever read our output has gone: 128 + SIGPIPE, as shells count."""
