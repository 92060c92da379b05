"""What follows from the configuration, be it a new one; its keys are in hakeeper/config."""
