"""Groups that hypothesis draws: few distinct confidences, so that ties are common."""

import numpy as np
from hypothesis import strategies as st

from calibration.statistics.groups import Groups


@st.composite
def groups(draw, *, max_groups=12, max_n=60, unlabelled=False):
    values = draw(st.lists(st.integers(0, 10_000), unique=True, max_size=max_groups))
    n, successes, total = [], [], []
    for _ in values:
        labelled = draw(st.integers(0, max_n))
        n.append(labelled)
        successes.append(draw(st.integers(0, labelled)))
        total.append(labelled + (draw(st.integers(0, max_n)) if unlabelled else 0))
    return Groups.from_arrays(np.array(values, dtype=int) / 10_000, np.array(n, dtype=int), successes, total)


def labelled_groups(**kwargs):
    return groups(**kwargs).filter(lambda drawn: drawn.labelled > 0)


def to_rows(drawn):
    """One (lattice value, success) per labelled decision."""
    rows = []
    for value, n, successes in zip(drawn.value, drawn.n, drawn.successes, strict=True):
        rows += [(int(value), True)] * int(successes) + [(int(value), False)] * int(n - successes)
    return rows


def as_tuple(drawn):
    return tuple(column.tolist() for column in (drawn.value, drawn.n, drawn.successes, drawn.total))


def split(drawn, share):
    """Cut one window into two that add up to it again."""
    first = [(share * column) // 100 for column in (drawn.successes, drawn.failures, drawn.total - drawn.n)]
    one = Groups(value=drawn.value, successes=first[0], n=first[0] + first[1], total=first[0] + first[1] + first[2])
    two = Groups(
        value=drawn.value,
        successes=drawn.successes - one.successes,
        n=drawn.n - one.n,
        total=drawn.total - one.total,
    )
    return one, two
