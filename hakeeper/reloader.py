"""A reload: a changed configuration is taken over wholly, or the old one stays."""

from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.signals import Signals
from hakeeper.configured_adapters import ConfiguredAdapters, Prepared, ReloadRefused
from hakeeper.core.events import SettingsChanged, SettingsRefused
from hakeeper.sequencer import Sequencer


class Reloader:
    """Exchanges the adapters and the core's settings, in the order in which nothing is missed."""

    def __init__(
        self,
        adapters: ConfiguredAdapters,
        sequencer: Sequencer,
        signals: Signals,
        reporter: Reporter,
    ) -> None:
        self._adapters = adapters
        self._sequencer = sequencer
        self._signals = signals
        self._reporter = reporter

    def reload(self) -> list[str]:
        """Load the configuration again; return why it is refused, a line for each fault."""
        try:
            with self._signals.held():  # for the threads that are started
                prepared = self._adapters.prepare()
        except ReloadRefused as error:
            for line in error.reasons:
                text = f"reload refused, the old configuration stays: {line}"
                self._reporter.log("config.rejected", text)
            self._sequencer.feed(SettingsRefused(error.reasons[0]))
            return error.reasons
        self.adopt(prepared)
        return []

    def adopt(self, prepared: Prepared) -> None:
        """Work with the new configuration from now on."""
        self._adapters.adopt(prepared)
        self._sequencer.look_at_keepalived()
        # What the new settings name is looked for before they hold: it is not missing then.
        self._sequencer.look_at_addresses()
        settings = prepared.config.settings()
        self._sequencer.feed(SettingsChanged(settings, prepared.apis_changed))
        self._adapters.forget_old()
        self._sequencer.look()
        self._reporter.log("config.reloaded", "took over the changed configuration")
