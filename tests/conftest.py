"""One temporary folder for the whole session: Lithops picks its own when it is imported."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_FOLDER = tempfile.mkdtemp(prefix="flexecutor-tests-")
os.environ["TMPDIR"] = _FOLDER
tempfile.tempdir = _FOLDER
# A shell that starts the tests in its background ignores Ctrl-C, and so would all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# How long an example takes is a matter of what else runs here.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def workflow_data(request: pytest.FixtureRequest) -> Path:
    """A workspace that keeps what workflows fetch and generate, for the next session too.

    What is there has its checksum looked at before it is used.
    """
    assert request.config.cache is not None
    return request.config.cache.mkdir("workflows")
