import json
import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "sklearn", "lithops", "pydantic", "pandas", "psutil", "sqlalchemy")


def loaded_by(statement: str) -> set[str]:
    code = (
        f"import json, sys; before = set(sys.modules); {statement}; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return set(json.loads(output))


@pytest.mark.parametrize("package", ["flexecutor_energy.energy", "flexecutor_energy.hardware"])
def test_using_all_of_the_package_loads_nothing_outside_the_standard_library(package: str) -> None:
    loaded = {name.partition(".")[0] for name in loaded_by(f"from {package} import *")}
    assert "flexecutor_energy" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert loaded - set(sys.stdlib_module_names) == {"flexecutor_energy"}


def test_importing_the_package_alone_loads_none_of_its_modules() -> None:
    ours = {name for name in loaded_by("import flexecutor_energy.energy") if "flexec" in name}
    assert ours == {
        "flexecutor_energy",
        "flexecutor_energy.energy",
        "flexecutor_energy.exports",
        "flexecutor_energy.version",
    }


@pytest.mark.parametrize("package", ["flexecutor_energy.energy", "flexecutor_energy.hardware"])
def test_what_the_package_does_not_export_is_an_attribute_error(package: str) -> None:
    code = f"import {package} as package; package.nothing"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "AttributeError" in done.stderr
    assert "'nothing'" in done.stderr
