"""What follows from the configuration: the resources it names and selects, and a reload."""
