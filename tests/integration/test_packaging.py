"""The wheel: what it holds, that it installs and runs by itself, and what importing it loads."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import flexecutor_energy

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flexecutor_energy"
HEAVY = ("lithops", "minio", "numpy", "pandas", "pydantic", "rich", "scipy", "sklearn", "typer")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the tools of this environment so that no network is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    subprocess.run(
        [*build, "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel in it.

    Its dependencies are those of this environment, lent through a .pth file: installing them
    again would take minutes and a network, and show no more than the declarations that
    ``test_every_import_is_a_declared_dependency`` looks at.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    subprocess.run(
        [*install, "--no-deps", "--no-index", "--quiet", str(wheel)],
        check=True,
        capture_output=True,
    )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    lent = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (packages / "lent.pth").write_text("\n".join(lent) + "\n")
    return folder


def in_environment(
    environment: Path, command: str, *arguments: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a program of the environment in a folder that holds nothing of this project."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV", "PYTEST"))}
    return subprocess.run(
        [environment / "bin" / command, *arguments],
        cwd=folder,
        env={**clean, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"flexecutor_energy", f"{wheel.name.partition('-py3')[0]}.dist-info"}
    assert "flexecutor_energy/py.typed" in names
    modules = {str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*.py")}
    assert modules <= set(names)


def test_the_wheel_brings_its_data_and_its_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    data = {
        str(path.relative_to(ROOT))
        for path in (PACKAGE / "hardware" / "data").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert data
    assert data <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    name = next(n for n in zipfile.ZipFile(wheel).namelist() if n.endswith("/METADATA"))
    text = zipfile.ZipFile(wheel).read(name).decode()
    assert "Requires-Python: >=3.11\n" in text
    extras = set(re.findall(r"^Provides-Extra: (\S+)$", text, re.MULTILINE))
    assert extras >= {"all", "dev", "ml", "nlp", "postgres", "reports", "server", "sql", "video"}
    assert "License-Expression: Apache-2.0\n" in text


def test_all_names_every_extra_that_runs_the_program() -> None:
    extras = project()["optional-dependencies"]
    (everything,) = extras["all"]
    named = set(everything.partition("[")[2].rstrip("]").split(","))
    assert named == set(extras) - {"all", "dev", "docs"}


def project() -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return content


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the top-level name of everything that modules import, wherever they do."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], path) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0], path


def test_every_import_is_a_declared_dependency() -> None:
    def normal(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    def names(requirements: list[str]) -> set[str]:
        return {normal(re.split(r"[\[<>=!~ ;]", text, maxsplit=1)[0]) for text in requirements}

    extras = project()["optional-dependencies"]
    optional = [text for extra, texts in extras.items() if extra != "dev" for text in texts]
    declared = names([*project()["dependencies"], *optional])
    providers = metadata.packages_distributions()
    known = {*sys.stdlib_module_names, "flexecutor_energy"}
    undeclared = {
        f"{name} ({path.relative_to(ROOT)})"
        for name, path in imported(PACKAGE)
        if name not in known and not declared & {normal(p) for p in providers.get(name, [name])}
    }
    assert undeclared == set()


@pytest.mark.slow
def test_the_installed_program_answers_without_the_repository(
    environment: Path, tmp_path: Path
) -> None:
    where = "import flexecutor_energy as f; print(f.__file__)"
    found = in_environment(environment, "python", "-c", where, folder=tmp_path)
    assert found.stdout.startswith(str(environment)), found.stderr
    done = in_environment(environment, "flexecutor-energy", "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "profile" in done.stdout


@pytest.mark.slow
def test_the_installed_program_runs_a_workflow_of_the_current_folder(
    environment: Path, tmp_path: Path
) -> None:
    text = (ROOT / "tests" / "unit" / "cli_workflow.py").read_text()
    (tmp_path / "my_flow.py").write_text(text)
    for backend in ("local", "lithops"):
        target = ["execute", "--dag", "my_flow:build", "--cpu", "1", "--workers", "2"]
        place = ["--backend", backend, "--storage", "file"]
        done = in_environment(environment, "flexecutor-energy", *target, *place, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "answer: checked, right" in done.stdout


@pytest.mark.slow
def test_every_module_can_be_imported_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in PACKAGE.rglob("*.py")
        if path.name != "__main__.py"
    )
    script = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    done = in_environment(environment, "python", "-c", script, *modules, folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_exported_name_exists_and_they_are_sorted() -> None:
    exported = flexecutor_energy.__all__
    for name in exported:
        assert getattr(flexecutor_energy, name) is not None
    kinds = {name: 0 if name.isupper() else 1 if name[0].isupper() else 2 for name in exported}
    assert exported == sorted(set(exported), key=lambda name: (kinds[name], name))


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Dag'"):
        getattr(flexecutor_energy, "Dag")  # noqa: B009


@pytest.mark.parametrize(
    "module",
    [
        "flexecutor_energy",
        "flexecutor_energy.errors",
        "flexecutor_energy.workflow.context",
        "flexecutor_energy.energy",
        "flexecutor_energy.execution.worker",
        "flexecutor_energy.execution.supervisor",
        "flexecutor_energy.execution.task",
        "flexecutor_energy.execution.backends.zygote",
        "flexecutor_energy.execution.backends.lithops_entry",
        "flexecutor_energy.storage.store",
    ],
)
def test_what_workers_import_loads_nothing_heavy(module: str) -> None:
    script = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert set(HEAVY) & set(done.stdout.split()) == set()
