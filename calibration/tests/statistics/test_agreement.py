"""Cohen's kappa against statsmodels, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from calibration.statistics.agreement import cohen_kappa

TABLES = [
    [[40, 9], [6, 45]],
    [[90, 3], [2, 5]],
    [[1, 7], [8, 2]],
    [[20, 5, 1], [4, 30, 6], [2, 3, 29]],
]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_kappa__and_its_interval__are_those_of_statsmodels(table, confidence):
    found = cohen_kappa(table, confidence=confidence)
    known = cohens_kappa(np.array(table))
    assert found.kappa == pytest.approx(known.kappa, abs=1e-12)
    assert (found.pairs, found.agreed) == (np.sum(table), np.trace(np.array(table)))
    z = {0.9: 1.6448536269514722, 0.95: 1.959963984540054}[confidence]
    assert found.low == pytest.approx(max(known.kappa - z * known.std_kappa, -1), abs=1e-12)
    assert found.high == pytest.approx(min(known.kappa + z * known.std_kappa, 1), abs=1e-12)


@pytest.mark.parametrize(("table", "words"), [([[0, 0], [0, 0]], "nothing"), ([[7, 0], [0, 0]], "every answer")])
def test_kappa__that_is_not_defined__says_why(table, words):
    found = cohen_kappa(table)
    assert found.kappa is None
    assert words in found.reason


@pytest.mark.parametrize("table", [[[1, 2]], [1, 2], [[1, -1], [0, 1]], [[0.5, 1.0], [1.0, 2.0]]])
def test_kappa__of_what_is_no_table__is_refused(table):
    with pytest.raises(ValueError, match="square of counts"):
        cohen_kappa(table)
