import json
import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "sklearn", "lithops", "pydantic", "pandas", "psutil", "sqlalchemy")


@pytest.mark.parametrize("package", ["flexecutor_energy.energy", "flexecutor_energy.hardware"])
def test_importing_the_package_loads_nothing_outside_the_standard_library(package: str) -> None:
    code = (
        f"import json, sys; before = set(sys.modules); import {package}; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    loaded = {name.partition(".")[0] for name in json.loads(output)}
    assert "flexecutor_energy" in loaded
    assert loaded.isdisjoint(HEAVY)
    foreign = loaded - set(sys.stdlib_module_names) - {"flexecutor_energy"}
    assert foreign == set()
