import pytest

from flexecutor_energy.energy.domains import boundary, counted, kind, label, main_kind


@pytest.mark.parametrize(
    ("names", "enclosed"),
    [
        (["package-0", "package-1", "core-0"], "package"),
        (["dram-0", "package-0"], "package+dram"),
        (["psys-0", "package-0", "uncore-0"], "package"),
        (["psys-0"], "psys"),
        (["wall", "dram"], "wall"),
        (["meter"], "meter"),
        (["core-0"], ""),
        ([], ""),
    ],
)
def test_a_total_encloses_no_joule_twice(names: list[str], enclosed: str) -> None:
    assert boundary(names) == enclosed


def test_sockets_and_dies_of_one_kind_are_pooled() -> None:
    names = ["package-0-die-1", "package-0-die-0", "package-1", "dram-1"]
    assert counted(names) == {
        "package": ("package-0-die-0", "package-0-die-1", "package-1"),
        "dram": ("dram-1",),
    }


@pytest.mark.parametrize(
    ("names", "main"),
    [(["dram", "package-0"], "package"), (["dram"], None), (["meter"], "meter"), ([], None)],
)
def test_one_idle_power_belongs_to_the_processors(names: list[str], main: str | None) -> None:
    assert main_kind(names) == main


def test_labels_tell_socket_and_kind() -> None:
    assert label((1, "package-die-0")) == "package-1-die-0"
    assert kind(label((1, "package-die-0"))) == "package"
    assert kind("packages") == "packages"
