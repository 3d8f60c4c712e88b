"""Checks of arguments that several statistics share."""

MAX_DELTA = 0.25

MAX_COST = 1e12
"""Times any number of decisions it is still finite."""


def check_open_unit(name: str, number: float) -> float:
    """Return a number that lies strictly between 0 and 1.

    Parameters
    ----------
    name : str
        What the number is called in the message.
    number : float
        The number to check.

    Returns
    -------
    float
        The number, unchanged.

    Raises
    ------
    ValueError
        When the number is NaN, at or below 0, or at or above 1.
    """
    if not 0.0 < number < 1.0:
        raise ValueError(f"{name} must lie strictly between 0 and 1, for example 0.05; got {number!r}.")
    return float(number)


def check_delta(delta: float) -> float:
    """Return an error level at which threshold recommendations hold.

    Above 0.25 the binomial tail no longer bounds the tail of a sum of unequal failure probabilities
    (Hoeffding, 1956), so the guarantee has no proof there.

    Parameters
    ----------
    delta : float
        Accepted probability that the guarantee fails, in (0, 0.25].

    Returns
    -------
    float
        The level, unchanged.

    Raises
    ------
    ValueError
        When the level is outside (0, 0.25].
    """
    check_open_unit("delta", delta)
    if delta > MAX_DELTA:
        raise ValueError(
            f"delta must be at most {MAX_DELTA}: the guarantee is not proved above it; got {delta!r}. Use 0.05 or 0.10."
        )
    return float(delta)


def check_seed(seed: int) -> int:
    """Return a seed that names one stream of random numbers.

    Parameters
    ----------
    seed : int
        A whole number, at least 0.

    Returns
    -------
    int
        The seed, unchanged.

    Raises
    ------
    ValueError
        When the seed is negative or no whole number.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0; got {seed!r}.")
    return seed


def check_at_least(name: str, number: int, smallest: int) -> int:
    """Return a whole number that is not too small.

    Parameters
    ----------
    name : str
        What the number is called in the message.
    number : int
        The number to check.
    smallest : int
        The smallest number that is allowed.

    Returns
    -------
    int
        The number, unchanged.

    Raises
    ------
    ValueError
        When the number is below `smallest` or no whole number.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < smallest:
        raise ValueError(f"{name} must be a whole number of at least {smallest}; got {number!r}.")
    return number


def check_cost(name: str, number: float) -> float:
    """Return a cost: not negative, and at most `MAX_COST`.

    Parameters
    ----------
    name : str
        What the cost is called in the message.
    number : float
        The cost, in any unit that the costs share.

    Returns
    -------
    float
        The cost, unchanged.

    Raises
    ------
    ValueError
        When the cost is negative, too large or NaN.
    """
    if not 0.0 <= number <= MAX_COST:
        raise ValueError(f"{name} must be a cost from 0 to {MAX_COST:g}; got {number!r}.")
    return float(number)
