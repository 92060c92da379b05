"""The real daemon process on a simulated cloud, over real sockets and a real FIFO."""
