"""How long is an address unreachable when the master dies? See `python -m tests.outage --help`."""
