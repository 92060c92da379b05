"""The states of the world that `status` and the others tell of, each made for real."""
