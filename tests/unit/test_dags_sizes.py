from dataclasses import dataclass

import pytest

from dags.sizes import check_whole, resolve
from flexecutor_energy.errors import ConfigurationError


@dataclass(frozen=True)
class Knobs:
    rows: int
    depth: int = 3

    def __post_init__(self) -> None:
        check_whole("rows", self.rows, least=1, most=100)


PRESETS = {"small": Knobs(rows=10, depth=4), "medium": Knobs(rows=50)}


def test_a_name_stands_for_its_preset() -> None:
    assert resolve("medium", PRESETS) == Knobs(rows=50, depth=3)


def test_knobs_start_from_the_small_preset() -> None:
    assert resolve({"rows": 7}, PRESETS) == Knobs(rows=7, depth=4)
    assert resolve({}, PRESETS) == PRESETS["small"]


@pytest.mark.parametrize("size", ["large", "", "SMALL"])
def test_an_unknown_name_is_refused_with_the_known_ones(size: str) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown size .*small, medium"):
        resolve(size, PRESETS)


@pytest.mark.parametrize("knobs", [{"row": 1}, {"rows": 1, 2: 3}])
def test_an_unknown_knob_is_refused_with_the_known_ones(knobs: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown knob .*rows, depth"):
        resolve(knobs, PRESETS)


@pytest.mark.parametrize("size", [None, 3, ["small"], 1.5])
def test_what_is_neither_name_nor_knobs_is_refused(size: object) -> None:
    with pytest.raises(ConfigurationError, match="dict of knobs"):
        resolve(size, PRESETS)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [0, -1, 101, 2.0, "3", None, True, float("nan")])
def test_a_value_that_a_knob_cannot_have_is_refused(rows: object) -> None:
    with pytest.raises(ConfigurationError, match="rows must be a whole number"):
        resolve({"rows": rows}, PRESETS)
