"""The daemon's control socket with an answer that a test chooses."""

import os
import selectors
import threading

from hakeeper.adapters import control_server as control_module
from hakeeper.adapters.control_server import ControlServer


class Loop:
    """A selector loop like the daemon's, around one server; turned by hand or by a thread."""

    def __init__(self, path: str, answer: control_module.Answer, *, looks: bool = True) -> None:
        self.selector = selectors.DefaultSelector()
        self.troubles: list[str] = []
        self.recoveries: list[str] = []
        self.server = ControlServer(
            path,
            answer,
            self.selector,
            on_trouble=self.troubles.append,
            on_recovery=self.recoveries.append,
        )
        if looks:
            self.server.look()
        self._stop_read, self._stop_write = os.pipe()
        self.selector.register(self._stop_read, selectors.EVENT_READ, None)
        self._thread: threading.Thread | None = None
        self.failure: BaseException | None = None

    def turn(self) -> None:
        """Handle what is ready now, all of one selection, and then whatever that made ready."""
        while events := self.selector.select(0):
            for key, _ in events:
                key.data()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                for key, _ in self.selector.select():
                    if key.data is None:
                        return
                    key.data()
        except BaseException as error:  # noqa: BLE001  # told to the test by `close`
            self.failure = error

    def close(self) -> None:
        if self._thread is not None:
            os.write(self._stop_write, b"x")
            self._thread.join()
        self.server.close()
        self.selector.close()
        os.close(self._stop_read)
        os.close(self._stop_write)
        if self.failure is not None:
            raise self.failure
