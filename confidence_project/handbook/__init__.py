"""The pictures of docs/statistics.md, drawn from figures of `calibration.statistics` on generated decisions.

`python -m confidence_project.handbook` writes them again; a test compares them with what is committed.
"""
