"""`hakeeper version`: prints the installed versions, for bug reports."""

import argparse
import importlib.metadata
import json
import platform
import sys

from hakeeper import __version__, exits
from hakeeper.cli.options import add_json

_LIBRARIES = (
    "hcloud",
    "requests",
    "urllib3",
    "h11",
    "structlog",
    "jeepney",
    "pyyaml",
    "systemd-python",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the versions of hakeeper, Python and the libraries that matter."""
    versions: dict[str, str | None] = {
        "hakeeper": __version__,
        "python": platform.python_version(),
        **{library: _installed(library) for library in _LIBRARIES},
    }
    if args.json:
        json.dump(versions, sys.stdout)
        sys.stdout.write("\n")
        return exits.OK
    for name, version in versions.items():
        sys.stdout.write(f"{name} {version or 'not installed'}\n")
    return exits.OK


def _installed(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None
