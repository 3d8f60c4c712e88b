"""Candidates: a threshold that is registered first, and then watched on later decisions at any time.

Each is one hypothesis, tested by an e-value at a level of its own; a look spends nothing. Below the threshold in force
labels come from audits alone, so those of what is allowed are thinned to the lowest propensity.
"""
