"""Fuzz targets: plain functions that take bytes and raise when hakeeper does wrong with them.

`make fuzz` feeds them with what atheris makes up (`engine.py`); `test_targets.py` feeds them with
their seeds and with every input that once was a finding, which needs no atheris.
"""
