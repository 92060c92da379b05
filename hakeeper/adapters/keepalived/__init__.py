"""keepalived apart from its FIFO: is it alive (`liveness`), and its roles over D-Bus (`bus`)."""
