"""Signals, in processes of their own: handlers belong to the whole process."""

import signal
import subprocess
import sys

_STORM = """
import os, signal
from hakeeper.adapters.signals import Signals

me = os.getpid()
first = Signals()
storm = os.fork()
while storm == 0:
    if os.getppid() != me:
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(me, number)
stops = 0
for _ in range(20000):
    signals = Signals()
    stops += signals.take().stop
    signals.close()
os.kill(storm, signal.SIGKILL)
os.waitpid(storm, 0)
print(stops > 0)
"""


def test_a_storm_of_signals_does_not_disturb_the_end() -> None:
    """Many ends: where a handler is swapped, a signal comes between, and Python complains."""
    done = subprocess.run(
        [sys.executable, "-c", _STORM], capture_output=True, text=True, check=False
    )
    assert (0, "True\n", "") == (done.returncode, done.stdout, done.stderr)


_BLOCKED = """
import os, select, signal
from hakeeper.adapters.signals import Signals

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
signals = Signals()
os.kill(os.getpid(), signal.SIGTERM)
select.select([signals.fd], [], [])
print(signals.take())
"""


def test_a_signal_that_the_parent_had_blocked_is_received() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BLOCKED], capture_output=True, text=True, check=True
    )
    assert done.stdout == "Wanted(stop=True, reload=False)\n"


_HELD = """
import os, signal, threading
from hakeeper.adapters.signals import Signals

signals = Signals()
with signals.held():
    thread = threading.Thread(target=lambda: print(sorted(signal.pthread_sigmask(0, []))))
    thread.start()
    thread.join()
    os.kill(os.getpid(), signal.SIGHUP)
    print(signals.take())
print(signals.take())
"""


def test_signals_are_deferred_while_held_and_never_reach_threads() -> None:
    done = subprocess.run([sys.executable, "-c", _HELD], capture_output=True, text=True, check=True)
    blocked, *wanted = done.stdout.splitlines()
    assert blocked == str(sorted((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))
    assert wanted == [
        "Wanted(stop=False, reload=False)",
        "Wanted(stop=False, reload=True)",
    ]
