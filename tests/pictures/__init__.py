"""The commands as people see them, in docs/: see `python -m tests.pictures --help`."""
