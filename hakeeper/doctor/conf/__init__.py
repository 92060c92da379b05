"""A parser for keepalived.conf that keeps line numbers. No I/O: the caller passes file access."""
