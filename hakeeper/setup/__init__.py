"""`hakeeper init`: from what an operator wants to a server that is set up, and back if it fails.

`look_here.py` and `look_there.py` gather what is so on this machine and at Hetzner. `plan.py`
decides, without I/O, which file becomes what; `conf_edit.py` and `template.py` make the texts.
`trial.py` has keepalived and the doctor judge them before they are in place, `files.py` puts them
there or back, and `services.py` puts them into force.
"""
