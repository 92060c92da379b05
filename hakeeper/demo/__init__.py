"""`hakeeper demo`: shows a failover on a simulated Hetzner Cloud live, and then checks it.

`run` is the entry point. `story` is the plot, played on a `stage`: `live` (real keepalived) or
`replay`. `chronicle` turns events into lines, `screen` prints them. `history` is the record of a
run, from which `verdict`, `picture` and `summary` are made. `cloud` is the simulated Hetzner Cloud,
`lab` the network namespaces with real keepalived; tests use both as libraries.
"""
