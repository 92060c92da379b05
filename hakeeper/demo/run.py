"""The whole demo: choose a stage, play the story on it, check it, and clean up."""

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TextIO

from hakeeper import exits
from hakeeper.demo import recording, summary
from hakeeper.demo.cloud import Rules, SimCloud
from hakeeper.demo.history import ADDRESS, ALIAS, History, shown
from hakeeper.demo.interrupts import Interrupted, Interrupts
from hakeeper.demo.lab import LabError
from hakeeper.demo.lab.keepalived import find_keepalived
from hakeeper.demo.live import ADVERT_S, LiveStage, probe
from hakeeper.demo.replay import ReplayStage
from hakeeper.demo.screen import Screen
from hakeeper.demo.stage import PRIORITIES
from hakeeper.demo.story import ACTION_S, ANSWER_S, Story

WRONG = 1
"""Exit code: a holder was wrong."""
_SBIN = ("/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Options:
    """The viewer's options."""

    replay: bool = False
    as_json: bool = False
    pauses: bool = True


def demo(options: Options, stream: TextIO) -> int:
    """Run the demo and return the exit code: 0 only if every holder was right."""
    # A root shell made by plain su has no sbin in its PATH, and the lab needs programs in it.
    os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SBIN))
    with Interrupts() as interrupts:
        try:
            return _run(options, stream, interrupts)
        except Interrupted:
            pass
        except BrokenPipeError:
            raise
        except (LabError, OSError, subprocess.SubprocessError) as error:
            if interrupts.caught is None:  # otherwise Ctrl-C ends the lab's short commands, too
                sys.stderr.write(f"hakeeper demo: {error}\n")
                return WRONG
        sys.stderr.write("\nhakeeper demo: interrupted; everything was cleaned up\n")
        return interrupts.exit_code


def _run(options: Options, stream: TextIO, interrupts: Interrupts) -> int:
    reason = "--replay was asked for" if options.replay else probe()
    interrupts.check()
    screen = Screen.silent() if options.as_json else Screen.on(stream)
    _show_opening(screen, reason)
    history = _play(reason, screen, interrupts, pauses=options.pauses)
    if not options.as_json:
        return exits.OK if summary.show(history, screen, replayed=reason is not None) else WRONG
    mode = "real" if reason is None else "replayed"
    found = summary.document(history, mode=mode, reason=reason)
    stream.write(json.dumps(found, indent=2) + "\n")
    return exits.OK if found["ok"] else WRONG


def _play(reason: str | None, screen: Screen, interrupts: Interrupts, *, pauses: bool) -> History:
    with SimCloud(rules=Rules(action_s=ACTION_S)) as cloud:
        stage = LiveStage(cloud) if reason is None else ReplayStage(cloud)
        with stage:
            story = Story(stage, screen, interrupts, pauses=pauses)
            story.play()
            return story.history()


def _show_opening(screen: Screen, reason: str | None) -> None:
    screen.line()
    screen.line("hakeeper demo: two addresses, two servers, and what can go wrong", "title")
    screen.line()
    for cells, text, style in _real_or_not(reason):
        screen.columns((cells,), text, style)
    text = (
        f"Hetzner's API, on this machine. It answers after {ANSWER_S * 1000:.0f} ms and moves an "
        f"address in {ACTION_S * 1000:.0f} ms: invented figures, not measured at Hetzner"
    )
    screen.columns((("simulated", 11, "warn"),), text)
    servers = ", ".join(f"{shown(node)} (priority {value})" for node, value in PRIORITIES.items())
    text = f"{servers}; VRRPv3, an advert each {ADVERT_S:g} s"
    screen.columns((("servers", 11, ""),), text)
    text = (
        f"{ADDRESS}, a floating IP, and {ALIAS}, an alias IP of their private network; "
        "nobody has them yet"
    )
    screen.columns((("addresses", 11, ""),), text)
    screen.line()
    screen.line("It takes less than a minute. Ctrl-C ends it and cleans up.", "dim")


def _real_or_not(reason: str | None) -> list[tuple[tuple[str, int, str], str, str]]:
    if reason is None:
        text = (
            f"keepalived {_keepalived_version()} and hakeeper, a network namespace for each server"
        )
        return [(("real", 11, "good"), text, "")]
    text = (
        f"keepalived! These are lines that keepalived {recording.KEEPALIVED} wrote in this same "
        f"story; {reason}. As root, on Debian with keepalived, the demo runs the real one."
    )
    return [
        (("real", 11, "good"), "hakeeper, on each server its own process", ""),
        (("REPLAYED", 11, "warn"), text, "warn"),
    ]


@functools.cache
def _keepalived_version() -> str:
    """Return the first line of `keepalived --version`, such as "Keepalived v2.2.7 (01/16,2022)"."""
    program = find_keepalived() or "keepalived"
    done = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=10, check=False
    )
    words = (done.stderr + done.stdout).split()
    return words[1].removeprefix("v") if len(words) > 1 else "of unknown version"
