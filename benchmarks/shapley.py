"""Exact Shapley values of a game, by its definition over all coalitions."""

from math import factorial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

MOST_PLAYERS = 16
"""2^16 coalitions are as many as the definition is practical for."""


def members(players: int) -> Floats:
    """Return for each coalition who is in it: array (2^players, players) of 0 and 1.

    Coalition ``k`` holds the players whose bits are set in ``k``.
    """
    coalitions = np.arange(1 << players)[:, None]
    return (coalitions >> np.arange(players) & 1).astype(float)


def shapley_values(worth: Floats) -> Floats:
    """Return what each player adds on average over all orders in which they may come.

    Parameters
    ----------
    worth : array (2^players, ...): the worth of each coalition, in the order of ``members``;
        further axes are games of their own

    Returns
    -------
    Floats
        Array (players, ...); its sum over players is the worth of all less that of none.

    Raises
    ------
    ValueError
        The number of coalitions is not a power of 2, or there are too many players.
    """
    coalitions = worth.shape[0]
    players = max(coalitions.bit_length() - 1, 0)
    if coalitions != 1 << players or players > MOST_PLAYERS:
        raise ValueError(f"{coalitions} coalitions are not those of 0 to {MOST_PLAYERS} players")
    return np.tensordot(_weights(players), worth, axes=1)


def _weights(players: int) -> Floats:
    """Return array (players, 2^players): the weight of each coalition in a player's value.

    A coalition S that i completes counts (|S| - 1)! (n - |S|)! / n! times, and one that lacks i
    as often as it is completed by i, with a minus (Shapley, 1953).
    """
    inside = members(players).astype(bool)
    sizes = inside.sum(axis=1)
    orders = factorial(players)
    joined = [factorial(max(s - 1, 0)) * factorial(players - s) / orders for s in sizes]
    lacked = [factorial(s) * factorial(max(players - s - 1, 0)) / orders for s in sizes]
    return np.where(inside, np.array(joined)[:, None], -np.array(lacked)[:, None]).T
