"""The figures of docs/statistics.md: what `calibration.statistics` says of generated decisions, drawn by matplotlib.

`python -m docs.figures` draws all of them again; a test compares them with what is committed.
"""
