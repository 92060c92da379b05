"""From a checked configuration to a daemon: everything is made and wired here, once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

from hakeeper.adapters.control_commands import Commands
from hakeeper.adapters.control_server import ControlServer
from hakeeper.adapters.hooks.sender import HookSender
from hakeeper.adapters.inbox import Inbox
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.keepalived.processes import boot_id
from hakeeper.adapters.pausefile import PauseFile
from hakeeper.adapters.sd_notify import Notifier, Watchdog, watchdog_interval_s
from hakeeper.adapters.signals import Signals
from hakeeper.adapters.statefile import StateFile
from hakeeper.adapters.step_down_file import StepDownFile
from hakeeper.adapters.tolerant_selector import TolerantSelector
from hakeeper.config import Config
from hakeeper.configured_adapters import ConfiguredAdapters
from hakeeper.core.core import Core
from hakeeper.core.model import Settings
from hakeeper.daemon import Daemon
from hakeeper.kinds import KINDS
from hakeeper.loading import Loader
from hakeeper.waiting import Waiting

CoreMaker: TypeAlias = Callable[[Settings, int, float], Core]
"""Makes the core from its settings, the seed of its randomness, and the time (monotonic s)."""

SEED_BITS = 53
"""As many as every reader of JSON keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where the daemon keeps its files."""

    control_socket: Path
    state_file: Path
    pause_file: Path
    step_down_file: Path
    hooks_socket: Path


def make_core(settings: Settings, seed: int, now: float) -> Core:
    """Make a core that is not recorded."""
    return Core(settings, KINDS, Random(seed), now)  # noqa: S311  # jitter


def compose(  # noqa: PLR0913  # all but two by keyword
    config: Config,
    loader: Loader,
    *,
    folders: Folders,
    reporter: Reporter,
    notifier: Notifier,
    signals: Signals,
    core: CoreMaker = make_core,
) -> Daemon:
    """Make the daemon and start its threads; nothing is sent before it runs.

    Raises what ConfiguredAdapters raises: LOAD_ERRORS for an unusable token, and OSError.
    """
    inbox = Inbox()
    selector = TolerantSelector(
        lambda error: reporter.log(
            "watch.failed",
            f"the system does not tell when something happens ({error}); looking for it instead",
        )
    )
    adapters = ConfiguredAdapters(config, loader, inbox.put)
    seed = Random().getrandbits(SEED_BITS)  # noqa: S311  # jitter

    def make_control(commands: Commands) -> ControlServer:
        return ControlServer(
            str(folders.control_socket),
            commands.answer,
            selector,
            on_trouble=lambda text: reporter.log("control.failed", text),
            on_recovery=lambda text: reporter.log("control.recovered", text),
        )

    return Daemon(
        core(config.settings(), seed, time.monotonic()),
        adapters,
        config_path=loader.path,
        inbox=inbox,
        waiting=Waiting(selector),
        signals=signals,
        state_file=StateFile(
            folders.state_file,
            lambda text: reporter.log("state.failed", text, reason="unwritable"),
        ),
        pause_file=PauseFile(
            folders.pause_file,
            lambda word, text: reporter.log("pause.failed", text, reason=word),
        ),
        step_down_file=StepDownFile(
            folders.step_down_file,
            adapters.track_file,
            boot_id(),
            lambda word, text: reporter.log("step_down.file_failed", text, reason=word),
        ),
        hooks=HookSender(
            folders.hooks_socket,
            lambda: adapters.config.hooks,
            redact=loader.redact,
            on_loss=lambda text, count: reporter.log("hook.unsent", text, count=count),
        ),
        reporter=reporter,
        notifier=notifier,
        watchdog=Watchdog(notifier, watchdog_interval_s()),
        make_control=make_control,
    )
