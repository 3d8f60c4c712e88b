"""What the words on the pages of calibration mean, for a reader without statistics; docs/statistics.md says more."""

from __future__ import annotations

GLOSSARY = {
    "confidence": (
        "If the same weeks happened again and again with other luck, a value that fails more often than wanted would "
        "be certified in at most the rest to 100 % of them. Where several reviews or segments share that rest, each "
        "has its part and is certified with a higher confidence."
    ),
    "labelled": "Decisions whose outcome is known. Of the others nobody knows how they went.",
    "failure rate": (
        "The share of labelled decisions, allowed by the threshold, whose outcome was bad. The range beside it holds "
        "the true rate in 95 of 100 such samples; it is to be looked at, and no promise."
    ),
    "calibration error": (
        "How far confidence and success are apart on average. Below the noise floor chance alone explains it."
    ),
    "ranking": (
        "The chance that a success has a higher confidence than a failure: 0.5 is a coin, 1 is perfect. Only a model "
        "that ranks can be thresholded."
    ),
    "drift": "Whether the recent part of the window fails more or less often than the rest, by more than chance.",
}
