"""Options that several commands share."""

import argparse
import os
from pathlib import Path
from typing import Final

DEFAULT_CONFIG: Final = Path("/etc/hakeeper/hakeeper.yaml")
DEFAULT_RUNTIME_FOLDER: Final = "/run/hakeeper/daemon"
DEFAULT_STATE_FOLDER: Final = "/var/lib/hakeeper"


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `-c FILE`, which ends up in `args.config`."""
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        type=Path,
        default=DEFAULT_CONFIG,
        help="the configuration (default: %(default)s)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`, which ends up in `args.json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_socket(parser: argparse.ArgumentParser, used: str = "") -> None:
    """Add `--socket PATH`, which ends up in `args.socket`; `used` says when, if not always."""
    parser.add_argument(
        "--socket",
        metavar="PATH",
        type=Path,
        default=default_socket(),
        help=f"{used}the daemon's control socket (default: %(default)s)",
    )


def default_socket() -> Path:
    """Return the default path of the daemon's control socket.

    systemd sets $RUNTIME_DIRECTORY for the service; of several directories, the first is ours.
    """
    folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(folder or DEFAULT_RUNTIME_FOLDER) / "control.sock"


def default_state_file() -> Path:
    """Return the default path of the state file."""
    return _state_folder() / "state.json"


def default_history_file() -> Path:
    """Return the default path of the history."""
    return _state_folder() / "history.jsonl"


def default_pause_file() -> Path:
    """Return the default path of the pause file, which lies beside the state file."""
    return _state_folder() / "pause.json"


def default_step_down_file() -> Path:
    """Return the default path of the file that keeps a step-down."""
    return _state_folder() / "step-down.json"


def _state_folder() -> Path:
    """Return the folder that outlives a reboot; systemd sets $STATE_DIRECTORY for the service."""
    folder = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(folder or DEFAULT_STATE_FOLDER)
