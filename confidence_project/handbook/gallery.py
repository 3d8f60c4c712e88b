"""All pictures by name, in the order of docs/statistics.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from confidence_project.desk.pictures.drawing import DARK, LIGHT, Palette
from confidence_project.handbook import calibration_pictures as calibration
from confidence_project.handbook import certificate_pictures as certificate
from confidence_project.handbook import operation_pictures as operation
from confidence_project.handbook import score_pictures as score
from confidence_project.handbook import selection_pictures as selection

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images" / "statistics"

PICTURES: Mapping[str, Callable[[Palette], bytes]] = {
    "threshold": certificate.threshold,
    "fixed-sequence": certificate.fixed_sequence,
    "clusters": certificate.clusters,
    "risk": certificate.risk,
    "segments": certificate.segments,
    "pair": certificate.pair,
    "label-coverage": selection.label_coverage,
    "audits": selection.audits,
    "intervals": selection.intervals,
    "reliability": calibration.reliability_side_by_side,
    "reliability-diagram": calibration.reliability_diagram,
    "calibration-error": calibration.error_by_bin,
    "noise-floor": calibration.floor_of_noise,
    "recalibration": calibration.recalibration,
    "brier": score.brier,
    "log-loss": score.log_loss_by_clip,
    "auroc": score.roc,
    "confidence-bias": score.bias,
    "costs": operation.costs,
    "budget": operation.budget,
    "periods": operation.periods,
    "drift": operation.drift,
    "alarm": operation.alarm,
    "reviews": operation.reviews,
}


def gallery() -> dict[str, bytes]:
    """Draw every picture for a light and for a dark page, by file name."""
    return {
        f"{name}-{theme}.svg": picture(palette)
        for name, picture in PICTURES.items()
        for theme, palette in (("light", LIGHT), ("dark", DARK))
    }
