"""What the core reports: a dataclass for each kind of entry in the journal, without a sentence."""
