"""Statistics of calibration, computed from exact counts per four-decimal confidence (numpy and scipy only).

Everything takes and returns frozen dataclasses. What is undefined is ``None`` beside a ``reason``, never 0 or
NaN; bad input raises ``ValueError`` and says what to do. Import from the modules:

``groups``
    ``Groups(value=, n=, successes=, total=)``; ``Groups.from_arrays(confidence, n, successes, total=None)``,
    ``Groups.from_outcomes(confidence, success)``, ``Groups.merge(parts)``, ``Groups.empty()``;
    ``.labelled``, ``.succeeded``, ``.failures``, ``.decisions``, ``.confidence``, ``.at_or_above(value)``,
    ``.below(value)``, ``.with_labels()``.
``lattice``, ``directions``
    ``LATTICE``, ``to_lattice``, ``threshold_to_lattice``; ``Direction`` is "at_least" (allow confidence >= t)
    or "below" (allow risk < t); ``divide(groups, threshold, direction)`` -> ``(allowed, blocked)``.
``thresholds``, ``recommendation``, ``fixed_sequence``
    ``recommend_threshold(confidence, n, successes, alpha=, delta=, method=, direction=, floor=)`` and
    ``recommend_for_groups(groups, ...)`` -> ``ThresholdRecommendation``; ``certified_statement``;
    ``minimum_sample(alpha, delta)``.
``segments``, ``joint``, ``audits``
    ``recommend_for_segments({name: groups}, ...)`` shares delta; ``recommend_pair(risk, confidence, n,
    successes, total, ...)`` for a confidence and a risk threshold; ``recommend_with_audits(groups, audited,
    in_force=, ...)`` goes below the threshold in force.
``selection``, ``operating_points``
    ``label_coverage``, ``stratified_failure_rate``; ``operating_point`` and ``operating_curve``: what given
    thresholds allow.
``reliability``, ``calibration_error``, ``scores``, ``intervals``
    ``equal_width_curve``, ``equal_mass_curve``; ``calibration_error``, ``noise_floor``; ``brier_score``,
    ``log_loss``, ``auroc``, ``confidence_bias``; ``wilson``, ``clopper_pearson``.
``recalibration``, ``cross_validation``
    ``fit_recalibration(groups, kind)``, ``recalibrated(fitted, value)``; ``random_folds``,
    ``cross_validated_gains(folds)``.
``costs``, ``budgets``
    ``cheapest_threshold(groups, Costs(...))``; ``smallest_budget``, ``smallest_tried_budget``.
``drift``, ``sequential``, ``reviews``
    ``distribution_drift``, ``period_rates``, ``compare_recent``; ``alarm_log_e_values``,
    ``loosening_log_e_values``, ``follow``; ``review_spending``.
"""

STATISTICS_VERSION = "1"
