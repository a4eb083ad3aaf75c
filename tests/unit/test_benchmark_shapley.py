"""The yardstick of the attribution benchmark, on games whose values are known."""

from itertools import permutations

import numpy as np
import pytest

from benchmarks.shapley import members, shapley_values


def test_coalitions_are_counted_by_their_bits() -> None:
    assert members(2).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]


def test_players_who_do_the_same_get_the_same() -> None:
    worth = np.sqrt(members(4).sum(axis=1))
    assert shapley_values(worth) == pytest.approx([0.5] * 4)


def test_a_game_that_adds_up_gives_each_its_own() -> None:
    own = np.array([3.0, 0.5, 7.25])
    assert shapley_values(members(3) @ own) == pytest.approx(own)


def test_a_player_who_adds_nothing_gets_nothing() -> None:
    worth = (members(3) @ [1.0, 2.0, 0.0]) ** 2
    assert shapley_values(worth) == pytest.approx([3.0, 6.0, 0.0])


def test_a_fixed_cost_is_shared_equally() -> None:
    worth = np.where(members(5).any(axis=1), 60.0, 0.0)
    assert shapley_values(worth) == pytest.approx([12.0] * 5)


def test_the_glove_game() -> None:
    left, right_1, right_2 = members(3).T
    worth = np.minimum(left, right_1 + right_2)
    assert shapley_values(worth) == pytest.approx([4 / 6, 1 / 6, 1 / 6])


def test_a_random_game_agrees_with_the_average_over_all_orders() -> None:
    worth = np.random.default_rng(1).uniform(0, 10, 16)
    expected = np.zeros(4)
    orders = list(permutations(range(4)))
    for order in orders:
        there = 0
        for player in order:
            expected[player] += worth[there | 1 << player] - worth[there]
            there |= 1 << player
    values = shapley_values(worth)
    assert values == pytest.approx(expected / len(orders))
    assert values.sum() == pytest.approx(worth[-1] - worth[0])


def test_several_games_are_solved_at_once() -> None:
    games = np.random.default_rng(2).uniform(0, 10, (8, 5))
    together = shapley_values(games)
    assert together.shape == (3, 5)
    for number in range(5):
        assert together[:, number] == pytest.approx(shapley_values(games[:, number]))


@pytest.mark.parametrize("coalitions", [0, 3, 6])
def test_what_is_no_set_of_coalitions_is_refused(coalitions: int) -> None:
    with pytest.raises(ValueError, match=f"{coalitions} coalitions"):
        shapley_values(np.zeros(coalitions))
