"""Keep what a library in C prints out of standard output, which may be read by machines."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_STDOUT, _STDERR = 1, 2


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send what reaches the file descriptor of standard output to standard error meanwhile.

    HiGHS prints a line when it repairs a solution, whatever its log options say. Where there is
    no such descriptor, nothing is changed.
    """
    try:
        kept = os.dup(_STDOUT)
    except OSError:
        yield
        return
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        os.dup2(_STDERR, _STDOUT)
        yield
    finally:
        if os.name == "posix":
            ctypes.CDLL(None).fflush(None)  # C has a buffer of its own
        os.dup2(kept, _STDOUT)
        os.close(kept)
