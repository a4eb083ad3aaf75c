"""One temporary folder for the whole session: Lithops picks its own when it is imported."""

import os
import shutil
import tempfile

import pytest

_FOLDER = tempfile.mkdtemp(prefix="flexecutor-tests-")
os.environ["TMPDIR"] = _FOLDER
tempfile.tempdir = _FOLDER


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)
