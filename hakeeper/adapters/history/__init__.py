"""What happened on this server, kept in the state folder for `hakeeper history`.

`writer` takes entries of the journal and writes them on a thread of its own; `file` appends and
rotates; `reading` takes whatever bytes the files hold.
"""
