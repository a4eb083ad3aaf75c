"""The folder through which Lithops' localhost talks to its workers, kept clean and private.

A job is known in that folder by the name of its executor alone, files are written in place, and
what a job leaves there stays: names of our own, patient reading and a sweep make up for it.
"""

import json
import logging
import os
import tempfile
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lithops.constants import (
    JOBS_PREFIX,
    LITHOPS_TEMP_DIR,
    SESSION_ID_ENV,
    TEMP_DIR,
    TOTAL_EXECUTORS_ENV,
)
from lithops.utils import is_lithops_worker

logger = logging.getLogger(__name__)


def name_a_session() -> None:
    """Give the next executor a name that no other process can have.

    Lithops hands its session on through the environment and counts executors within it. A process
    and its child, or two children, then give their executors the same names, and one takes the
    results that the other left for its own.
    """
    if not is_lithops_worker():
        os.environ[SESSION_ID_ENV] = uuid.uuid4().hex[:12]
        os.environ.pop(TOTAL_EXECUTORS_ENV, None)


def prepare_folder() -> None:
    """Make the folder one that the runner finds and that nobody else reads."""
    _agree_on_temporary_folder()
    # tasks carry the credentials of the store through this folder
    Path(LITHOPS_TEMP_DIR).mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):
        Path(LITHOPS_TEMP_DIR).chmod(0o700)


def read_whole_statuses(executor: Any) -> None:
    """Have an executor take a status that is still being written for one not written yet.

    It does so with an empty one; with half of one it would print a traceback, and read it again.
    """
    read = executor.internal_storage.get_call_status

    def read_whole(executor_id: str, job_id: str, call_id: str) -> Any:
        try:
            return read(executor_id, job_id, call_id)
        except json.JSONDecodeError:
            return None

    executor.internal_storage.get_call_status = read_whole


def remove_data_of(executor: Any, futures: Iterable[Any]) -> None:
    """Remove the data and results of jobs that have ended.

    Their job files are left to the runners, which remove them with their last breath.
    """
    for name in {future.job_key for future in futures}:
        _remove(executor, f"{JOBS_PREFIX}/{name}/")


def remove_all_of(executor: Any) -> None:
    """Remove what an executor has left, also for runners that were killed; none may run."""
    for separator in "-/":  # its jobs, its functions
        _remove(executor, f"{JOBS_PREFIX}/{executor.executor_id}{separator}")


def _remove(executor: Any, prefix: str) -> None:
    storage = executor.internal_storage.storage
    storage.delete_objects(storage.bucket, storage.list_keys(storage.bucket, prefix))


def _agree_on_temporary_folder() -> None:
    """Make Lithops' runner, a new process, look where this one puts its files.

    Python and Lithops choose the temporary folder once; ``TMPDIR`` may have changed since.
    """
    if Path(os.environ.get("TMPDIR") or tempfile.gettempdir()).resolve() != Path(TEMP_DIR):
        logger.warning(
            "TMPDIR was changed after Lithops was imported; it is set back to %s", TEMP_DIR
        )
        os.environ["TMPDIR"] = TEMP_DIR
