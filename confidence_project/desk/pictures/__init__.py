"""Pictures of evidence as SVG: the same functions for the admin, for reports and for the documents."""

from confidence_project.desk.pictures.charts import reliability, risk_coverage
from confidence_project.desk.pictures.drawing import DARK, LIGHT, Palette

__all__ = ["DARK", "LIGHT", "Palette", "reliability", "risk_coverage"]
