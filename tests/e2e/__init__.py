"""End-to-end: machines that boot, with real systemd, real keepalived and the real package.

The layer of machines lives here and not in `hakeeper.demo`: nothing that is shipped uses it.
"""
