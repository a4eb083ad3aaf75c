"""What travels to workers, and the hash that tells whether it is still the same."""

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pytest

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.code_hash import code_hash
from flexecutor_energy.execution.fingerprints import stage_hashes
from flexecutor_energy.execution.inputs import InputResolver
from flexecutor_energy.execution.shipping import own_modules, pack_function
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.data import FlexData
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage
from tests.execution_support import BUCKET, folder_store


def plain(context: StageContext) -> int:
    return 1


def scaled(factor: int, context: StageContext, *, offset: int = 0) -> int:
    return factor + offset


def captured(value: Any) -> Callable[[StageContext], Any]:
    def inner(context: StageContext) -> Any:
        return value

    return inner


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Give a way to write modules of a user into a folder and to import one of them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(name: str, **sources: str) -> ModuleType:
        for other in [m for m in sys.modules if m.partition(".")[0].startswith("user_")]:
            del sys.modules[other]
        importlib.invalidate_caches()
        for path, source in sources.items():
            target = tmp_path / (path.replace("__", "/") + ".py")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source)
        return importlib.import_module(name)

    return write


def test_code_of_a_module_that_is_not_installed_travels_with_all_it_names(
    modules: Callable[..., ModuleType], tmp_path: Path
) -> None:
    module = modules(
        "user_top",
        user_top="import user_mid\n\ndef run(context):\n    return user_mid.value()\n",
        user_mid="from user_low import Low\n\ndef value():\n    return Low().number\n",
        user_low="class Low:\n    number = 42\n",
    )
    names = {found.__name__ for found in own_modules(module.run)}
    assert names == {"user_top", "user_mid", "user_low"}
    packed = tmp_path / "packed"
    packed.write_bytes(pack_function(Stage("a", module.run, params={"n": 1})))
    code = (
        "import pickle, sys\n"
        "function, params = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(function(None), params)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", code, str(packed)],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "42 {'n': 1}\n", done.stderr
    assert not cloudpickle.list_registry_pickle_by_value()


def test_installed_code_is_named_and_not_carried_along() -> None:
    import json

    assert own_modules(json.dumps) == []
    assert len(pack_function(Stage("a", json.dumps))) < 200


def test_what_cannot_be_pickled_is_named() -> None:
    generator = (number for number in range(3))
    with pytest.raises(ConfigurationError, match=r"stage 'a' cannot be sent.*generator"):
        pack_function(Stage("a", plain, params={"x": generator}))


def test_the_hash_changes_with_code_parameters_and_captured_values() -> None:
    hashes = [
        code_hash(stage)
        for stage in (
            Stage("a", plain),
            Stage("a", plain, params={"n": 1}),
            Stage("a", plain, params={"n": 2}),
            Stage("a", captured(1)),
            Stage("a", captured(2)),
            Stage("a", functools.partial(scaled, 1)),
            Stage("a", functools.partial(scaled, 2)),
            Stage("a", functools.partial(scaled, 2, offset=3)),
        )
    ]
    assert len(set(hashes)) == len(hashes)
    assert code_hash(Stage("other name", plain)) == hashes[0]
    assert code_hash(Stage("a", captured(1))) == hashes[3]


def test_the_hash_does_not_depend_on_where_or_in_which_order_things_lie() -> None:
    class Thing:
        def __init__(self) -> None:
            self.number = 1

    def hashed(**params: Any) -> str:
        return code_hash(Stage("a", plain, params=params))

    assert hashed(thing=Thing()) == hashed(thing=Thing())
    assert hashed(a=1, b=2) == hashed(b=2, a=1)
    assert hashed(names={"x", "y", "zebra"}) == hashed(names={"zebra", "y", "x"})
    assert hashed(f=captured(1)) == hashed(f=captured(1))


def test_long_arrays_that_look_alike_are_told_apart() -> None:
    import numpy as np

    first, second = np.zeros(10_000), np.zeros(10_000)
    second[5_000] = 1.0
    assert repr(first) == repr(second)
    hashes = [code_hash(Stage("a", plain, params={"x": array})) for array in (first, second)]
    assert hashes[0] != hashes[1]


HASH = """
import sys
sys.path[:0] = sys.argv[1:3]
for name in sys.argv[3:]:
    __import__(name)
import user_pack.stages
from flexecutor_energy.execution.code_hash import code_hash
from flexecutor_energy.workflow.stage import Stage
params = {"names": {"one", "two", "three"}, "thing": user_pack.stages.Thing()}
print(code_hash(Stage("a", user_pack.stages.run, params=params)))
"""


def test_the_hash_is_the_same_in_every_process_and_follows_files(tmp_path: Path) -> None:
    pack = tmp_path / "user_pack"
    pack.mkdir()
    (pack / "__init__.py").write_text("")
    (pack / "stages.py").write_text(
        "class Thing:\n    pass\n\ndef run(context):\n    from user_pack import late\n"
    )
    (pack / "late.py").write_text("X = 1\n")
    (tmp_path / "user_other.py").write_text("Y = 1\n")

    def hashed(*imports: str) -> str:
        root = str(Path(__file__).parents[2])
        command = [sys.executable, "-B", "-c", HASH, str(tmp_path), root, *imports]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first = hashed()
    assert first == hashed("user_pack.late", "user_other")
    (tmp_path / "user_other.py").write_text("Y = 2\n")
    assert first == hashed()
    (pack / "late.py").write_text("X = 2\n")
    assert first != hashed()


def test_a_stages_input_hash_follows_inputs_and_code_before_it(tmp_path: Path) -> None:
    store = folder_store(tmp_path)
    store.put(BUCKET, "in/x", b"one")

    def hashes(function: Callable[[StageContext], Any] = plain) -> dict[str, dict[str, str]]:
        a = Stage("a", function, [FlexData("in")], [FlexData("mid")])
        b = Stage("b", plain, [FlexData("mid")])
        a >> b
        return stage_hashes(StageGraph("g").add_stages([a, b]), InputResolver(store, BUCKET))

    before = hashes()
    assert before == hashes()
    other_code = hashes(captured(1))
    assert other_code["a"]["code_hash"] != before["a"]["code_hash"]
    assert other_code["b"]["code_hash"] == before["b"]["code_hash"]
    assert other_code["b"]["input_hash"] != before["b"]["input_hash"]
    store.put(BUCKET, "in/x", b"another")
    other_input = hashes()
    assert other_input["a"]["input_hash"] != before["a"]["input_hash"]
    assert other_input["b"]["input_hash"] != before["b"]["input_hash"]
    assert other_input["a"]["code_hash"] == before["a"]["code_hash"]
