"""How figures are written, wherever they stand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.template import Context, Template

from confidence_project.foundation.formatting import count, decimals, milliseconds, percent, rate, said, threshold


@pytest.mark.parametrize(
    ("write", "value", "written"),
    [
        (percent, 0.05, "5 %"),
        (percent, 0.06666, "6.67 %"),
        (percent, 1, "100 %"),
        (percent, 0, "0 %"),
        (rate, 0.06666, "6.67%"),
        (decimals, 0.9, "0.9000"),
        (threshold, 0.9, "0.9"),
        (threshold, 1.0, "1"),
        (threshold, Decimal("0.9123"), "0.9123"),
        (threshold, 4000, "4,000"),
        (count, 1234567, "1,234,567"),
        (milliseconds, 950.4, "950 ms"),
        (milliseconds, 1234.5, "1.23 s"),
        (said, True, "yes"),
        (said, False, "no"),
    ],
)
def test_figure__is_written(write, value, written):
    assert write(value) == written


@pytest.mark.parametrize("write", [percent, rate, decimals, threshold, count, milliseconds, said])
def test_figure__undefined__is_a_dash(write):
    assert write(None) == "–"


def test_templates__what_is_missing__is_a_dash():
    template = Template("{% load formatting %}{{ none.of.it|percent }} {{ none.of.it|count }}")
    assert template.render(Context({"none": None})) == "– –"
