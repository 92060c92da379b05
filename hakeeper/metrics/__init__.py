"""The daemon's answer as metrics for Prometheus.

A program beside the daemon, which knows nothing of it: `table` has every metric, `exposition`
writes them with the field's client library, `listener` and `textfile` hand them out.
"""
