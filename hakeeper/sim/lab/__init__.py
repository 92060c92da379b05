"""A lab: real keepalived and real hakeeper in network namespaces, on one machine.

The demo shows it, and the scenario tests use it.
"""
