"""Statistics of calibration, computed from exact counts per four-decimal confidence (numpy and scipy only).

Everything takes and returns frozen dataclasses. What is undefined is ``None`` beside a ``reason``, never 0 or
NaN; bad input raises ``ValueError`` and says what to do. The parts of scipy are reached as ``scipy.special`` and so on,
which scipy loads at the first use: every command and worker starts without them. Import from the modules:

``groups``
    ``Groups(value=, n=, successes=, total=)``; ``Groups.from_arrays(confidence, n, successes, total=None)``,
    ``Groups.from_outcomes(confidence, success)``, ``Groups.merge(parts)``, ``Groups.empty()``;
    ``.labelled``, ``.succeeded``, ``.failures``, ``.decisions``, ``.confidence``, ``.at_or_above(value)``,
    ``.below(value)``, ``.with_labels()``.
``lattice``
    ``LATTICE``, ``to_lattice``, ``threshold_to_lattice``.
``thresholds``, ``recommendation``, ``fixed_sequence``
    ``recommend_threshold(confidence, n, successes, alpha=, delta=, floor=)`` and ``recommend_for_groups(groups,
    ...)`` -> ``ThresholdRecommendation``; ``is_same_cut(groups, certified, in_force)``; ``minimum_sample``.
``bands``
    ``recommend_band(groups, alpha=, delta=)``: a lower and an upper bound where the top is bad.
``claims``
    ``certified_statement``, ``certified_pair_statement``, ``certified_audit_statement``,
    ``certified_budget_statement``: what an answer certifies, in the only words for it, and of which ``Unit``.
``segments``, ``joint``, ``audits``
    ``recommend_for_segments({name: groups}, ...)`` shares delta; ``recommend_pair(risk, confidence, n,
    successes, total, ...)`` for a confidence and a risk threshold; ``recommend_with_audits(groups, audited,
    in_force=, ...)`` goes below the threshold in force.
``stratified``, ``label_strata``, ``operating_points``
    ``stratified_failure_rate``, ``stratified_interval``; ``label_strata(groups)``: where labels are missing by
    confidence; ``operating_point`` and ``operating_curve``: what given thresholds allow.
``reliability``, ``calibration_error``, ``scores``, ``intervals``
    ``equal_width_curve``, ``equal_mass_curve``; ``calibration_error``, ``noise_floor``; ``brier_score``,
    ``log_loss``, ``auroc``, ``confidence_bias``; ``wilson``, ``clopper_pearson``.
``recalibration``, ``cross_validation``
    ``fit_recalibration(groups, kind)``, ``recalibrated(fitted, value)``; ``random_folds``,
    ``cross_validated_gains(folds)``.
``costs``, ``budgets``
    ``cheapest_threshold(groups, Costs(...))``; ``smallest_budget``.
``drift``, ``sequential``
    ``distribution_drift``, ``period_rates``, ``compare_recent``; ``alarm_log_e_values``,
    ``restarted_alarm_log_e_values``, ``loosening_log_e_values``, ``follow``.
``label_error``, ``agreement``
    ``label_error(KnownAnswers(...), level=)``: the rate at which labels are tested whose makers err;
    ``cohen_kappa(table)``.
``judges``
    ``recommend_with_judge(JudgedGroups(...), alpha=, delta=)``: people label by a judge's verdict.
``candidates``, ``levels``
    ``follow_candidate``, ``thinned``; ``review_level``, ``candidate_level`` over a ledger of ``Spent``.
"""

STATISTICS_VERSION = "3"
"""Stored with each run and each proposal, so that a figure can be computed again as it was.

It counts up by one in each release in which the same counts, parameters and seed may give another figure or another
answer: another method, definition, clip, number of draws or order of draws. It does not for speed, for wording, for new
figures beside the old ones, or for last digits that another numpy or scipy rounds (`libraries` names those). What was
never released needs no version of its own. `calibration/tests/statistics/test_version.py` holds figures of the present
version: a change that makes it fail is a mistake, or counts the version up.
"""
