"""keepalived beside its FIFO: whether it lives (`liveness`), and its state by D-Bus (`bus`)."""
