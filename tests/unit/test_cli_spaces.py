import pytest

from flexecutor_energy.cli.spaces import chosen_space, given_space, one_config
from flexecutor_energy.cli.workflows import Workflow, find_workflow
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.workflow.config import StageConfig
from tests.unit import cli_workflow


@pytest.fixture
def plain() -> Workflow:
    """A workflow that has no space of its own."""
    return find_workflow("wordcount")


def test_without_options_and_without_a_space_of_its_own_the_default_is_tried(
    plain: Workflow,
) -> None:
    space = chosen_space(plain, None, None, None, None)
    assert {config.key for config in space} == {
        (cpu, 1024, workers) for cpu in (0.5, 1.0, 2.0) for workers in (1, 2, 4)
    }


def test_the_workflows_own_space_comes_before_the_default() -> None:
    workflow = find_workflow(cli_workflow.NAME)
    assert chosen_space(workflow, None, None, None, None) is cli_workflow.SPACE


def test_an_axis_replaces_the_workflows_own_space() -> None:
    space = chosen_space(find_workflow(cli_workflow.NAME), None, "2", "512", None)
    assert [config.key for config in space] == [(2.0, 512, workers) for workers in (1, 2, 4)]


def test_an_axis_drops_repeats_and_spaces(plain: Workflow) -> None:
    space = chosen_space(plain, None, "1, 1,0.5", "0", "3")
    assert [config.key for config in space] == [(1.0, 0, 3), (0.5, 0, 3)]


@pytest.mark.parametrize(
    ("cpu", "memory", "workers", "problem"),
    [
        ("1,x", None, None, r"--cpu 1,x: 'x' is not a number"),
        ("", None, None, r"'' is not a number"),
        ("1;2", None, None, "not a number"),
        ("nan", None, None, "not a number"),
        ("inf", None, None, "not a number"),
        ("0", None, None, "cpu must be above 0"),
        ("-1", None, None, "cpu must be above 0"),
        (None, "-5", None, "memory must be at least 0"),
        (None, "1.5", None, r"--memory 1.5: 1.5 is not a whole number"),
        (None, None, "0", "workers must be at least 1"),
        (None, None, "2.5", "2.5 is not a whole number"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    plain: Workflow, cpu: str | None, memory: str | None, workers: str | None, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        chosen_space(plain, None, cpu, memory, workers)


def test_no_options_give_no_space_to_choose_from() -> None:
    assert given_space(None, None, None) is None
    assert one_config(None, None, None) is None


def test_half_a_space_to_choose_from_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--cpu and --workers"):
        given_space("1", None, None)


def test_one_configuration_is_one() -> None:
    assert one_config("0.5", "512", "3") == StageConfig(cpu=0.5, workers=3, memory=512)
    assert one_config("1", None, "2") == StageConfig(cpu=1, workers=2, memory=1024)


def test_several_configurations_are_not_one() -> None:
    with pytest.raises(ConfigurationError, match="one value each"):
        one_config("1,2", None, "1")
