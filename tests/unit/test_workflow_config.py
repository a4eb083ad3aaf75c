import math
from typing import Any

import numpy as np
import pytest

from flexecutor_energy.errors import ConfigurationError, UnknownStageError
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig


def test_a_configuration_is_named_by_cpu_memory_and_workers() -> None:
    config = StageConfig(cpu=0.5, workers=4, memory=512)
    assert config.key == (0.5, 512, 4)
    assert StageConfig.from_key(config.key) == config


def test_numpy_numbers_become_plain_ones() -> None:
    values: Any = {"cpu": np.float64(1.5), "workers": np.int64(2), "memory": np.int32(512)}
    config = StageConfig(**values)
    assert config == StageConfig(1.5, 2, 512)
    assert (type(config.cpu), type(config.workers), type(config.memory)) == (float, int, int)


@pytest.mark.parametrize("field", ["cpu", "workers", "memory"])
@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, np.float64("nan"), np.float64("inf"), True, np.bool_(True), "1", None],
)
def test_a_configuration_refuses_what_is_no_count_of_resources(field: str, value: Any) -> None:
    values: dict[str, Any] = {"cpu": 1, "workers": 1, "memory": 0, field: value}
    with pytest.raises(ConfigurationError, match=field):
        StageConfig(**values)


@pytest.mark.parametrize(
    ("field", "value"),
    [("workers", 1.5), ("workers", 0), ("memory", 0.5), ("memory", -1), ("cpu", 0), ("cpu", -1)],
)
def test_a_configuration_refuses_counts_that_cannot_be(field: str, value: Any) -> None:
    values: dict[str, Any] = {"cpu": 1, "workers": 1, "memory": 0, field: value}
    with pytest.raises(ConfigurationError, match=field):
        StageConfig(**values)


def test_a_space_is_the_product_of_its_axes() -> None:
    space = ConfigSpace(cpu=[0.5, 1], memory=[512, 1024], workers=[1, 2, 4])
    configs = space.for_stage("any")
    assert len(configs) == len(set(configs)) == len(space) == 12
    assert StageConfig(0.5, 4, 1024) in configs


def test_a_stage_can_have_a_space_of_its_own() -> None:
    own = ConfigSpace(cpu=[2], workers=[1])
    space = ConfigSpace(cpu=[1], workers=[1, 2], stages={"reduce": own})
    assert space.for_stage("reduce") == (StageConfig(2, 1),)
    assert len(space.for_stage("map")) == 2


def test_an_explicit_list_drops_repeats_and_keeps_its_order() -> None:
    first, second = StageConfig(2, 1), StageConfig(1, 1)
    assert ConfigSpace.of([first, second, first]).for_stage("a") == (first, second)


def test_a_single_number_is_an_axis_of_one_value() -> None:
    space = ConfigSpace(cpu=1, workers=2)  # type: ignore[arg-type]
    assert space.for_stage("a") == (StageConfig(1, 2),)


@pytest.mark.parametrize(
    "axes",
    [
        {},
        {"cpu": [1]},
        {"workers": [1]},
        {"cpu": "12", "workers": [1]},
        {"cpu": [1], "workers": [0]},
        {"cpu": [1], "workers": [1], "configs": [StageConfig(1, 1)]},
        {"configs": [(1, 0, 1)]},
        {"stages": {"a": [1, 2]}},
    ],
)
def test_a_space_that_cannot_work_is_refused_at_once(axes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ConfigSpace(**axes)


def test_a_space_for_some_stages_says_which_stage_it_leaves_out() -> None:
    space = ConfigSpace(stages={"a": ConfigSpace(cpu=[1], workers=[1])})
    with pytest.raises(ConfigurationError, match="'b'"):
        space.for_stage("b")


def test_a_space_that_names_an_unknown_stage_is_refused() -> None:
    space = ConfigSpace(cpu=[1], workers=[1], stages={"nope": ConfigSpace(cpu=[1], workers=[1])})
    with pytest.raises(UnknownStageError, match=r"nope.*a, b"):
        space.check_stages(["a", "b"])
