"""Slow, literal re-implementations that the tests compare against; they share no code with the package."""

# ruff: noqa: N806 - the names are those of the published steps

import math

from scipy import stats


def m_min(alpha, level):
    m = 1
    while stats.binom.cdf(0, m, alpha) > level:
        m += 1
    return m


def recommend(rows, alpha, delta):
    """Steps 1 to 6 of the method, row by row: rows are (lattice value, success)."""
    values = sorted({v for v, _ in rows}, reverse=True)
    K, N = len(values), len(rows)
    if m_min(alpha, delta) > N:
        return "INSUFFICIENT_DATA", None, None
    M = [None] + [sum(1 for w, _ in rows if w >= v) for v in values]
    F = [None] + [sum(1 for w, good in rows if w >= v and not good) for v in values]
    p = [None] + [stats.binom.cdf(F[i], M[i], alpha) for i in range(1, K + 1)]
    J, c = 1, [None, m_min(alpha, delta)]
    trial = 1
    while True:
        proposal = [None] + [math.ceil(2 * N / (5 * 4 ** (trial - j))) for j in range(1, trial + 1)]
        if proposal[1] < m_min(alpha, delta / trial):
            break
        J, c = trial, proposal
        trial += 1
    S = [None] + [min(i for i in range(1, K + 1) if M[i] >= c[j]) for j in range(1, J + 1)]
    S.append(K + 1)
    run, best, best_level = 0, None, None
    for j in range(1, J + 1):
        run += 1
        if S[j] >= S[j + 1]:
            continue
        L = run * delta / J
        for i in range(S[j], S[j + 1]):
            if p[i] <= L:
                best, best_level = i, L
            else:
                run = 0
                break
    if best is None:
        return "NOT_CERTIFIABLE", None, None
    return "OK", values[best - 1] / 10_000, best_level
