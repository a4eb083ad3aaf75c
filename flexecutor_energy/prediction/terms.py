"""The physical terms that times and energies are sums of, by name.

Each is a product of powers of: ``k`` cores a worker; ``w`` workers; ``f`` workers of a parent;
``m`` memory in GB a worker; ``s = 1/min(k, 1)``, how much longer single-threaded work takes on
less than one core; ``d = min(k, 2)``, the cores that work in two threads can use; ``o`` how far
the workers together ask for more cores than the hosts have, and ``v`` the share of cores that
nobody asks for; ``T`` seconds and ``c`` CPU seconds of one worker.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from flexecutor_energy.prediction.rows import FloatArray, Rows, memory_tells, telling_parents

# term → symbol → exponent
_TERMS: Mapping[str, Mapping[str, int]] = {
    # the stage's own resources
    "1": {},
    "1/w": {"w": -1},  # data shared by the workers, not bound by cpu
    "k": {"k": 1},
    "1/k": {"k": -1},
    "1/(k·w)": {"k": -1, "w": -1},  # perfectly parallel work
    "1/(k·w²)": {"k": -1, "w": -2},  # work that grows faster than its share of the data
    "1/w²": {"w": -2},
    "w": {"w": 1},  # coordination
    "w/k": {"w": 1, "k": -1},
    "s": {"s": 1},  # single-threaded work that is not shared
    "s/w": {"s": 1, "w": -1},
    "s/w²": {"s": 1, "w": -2},
    "s·w": {"s": 1, "w": 1},
    "1/d": {"d": -1},
    "1/(d·w)": {"d": -1, "w": -1},
    # waiting for cores, and threads that get into each other's way
    "o": {"o": 1},
    "o/w": {"o": 1, "w": -1},
    # pressure on memory; no limit, no pressure
    "1/m": {"m": -1},
    "1/(m·w)": {"m": -1, "w": -1},
    # computing that memory slows down; where memory follows cpu, cpu stands for both
    "1/(k·m)": {"k": -1, "m": -1},
    "1/(k·m·w)": {"k": -1, "m": -1, "w": -1},
    "1/(k·m·w²)": {"k": -1, "m": -1, "w": -2},
    "1/k²": {"k": -2},
    "1/(k²·w)": {"k": -2, "w": -1},
    "1/(k²·w²)": {"k": -2, "w": -2},
    # what is read from the workers of a parent
    "f": {"f": 1},
    "f/w": {"f": 1, "w": -1},
    "f/k": {"f": 1, "k": -1},
    "f/(k·w)": {"f": 1, "k": -1, "w": -1},
    "s·f": {"s": 1, "f": 1},
    "s·f/w": {"s": 1, "f": 1, "w": -1},
    # joules of one worker
    "c": {"c": 1},  # joules per CPU second
    "T": {"T": 1},  # watts for as long as the worker lives
    "k·T": {"k": 1, "T": 1},  # watts per reserved core
    "m·T": {"m": 1, "T": 1},  # watts per reserved GB
    "c·v": {"c": 1, "v": 1},  # the first cores that are busy wake up what the next ones share
    "T·v": {"T": 1, "v": 1},
}

LEAN = ("1/(k·w)", "1/w", "1/k", "w", "w/k", "1")
STAGE = ("1/(k·w)", "1/w", "1/k", "w", "w/k", "1", "s", "s/w", "s·w", "1/(k·w²)", "s/w²")
COMPUTE = ("1/(k·w)", "1/w", "1/k", "w/k", "s", "s/w", "s·w", "1/(k·w²)", "s/w²")
TRANSFER = ("1/(k·w)", "1/w", "1/k", "w", "w/k", "1", "s", "s/w")
START = ("1", "w", "1/k", "s")
FRUGAL_COMPUTE = ("1/(k·w)", "1/k", "s/w", "s", "w/k")
FRUGAL_TRANSFER = ("1/w", "1", "1/(k·w)", "s", "w")
FAN_IN = ("f", "f/w", "f/k", "f/(k·w)", "s·f", "s·f/w")
FAN_IN_COMPUTE = ("f/k", "f/(k·w)", "s·f", "s·f/w")
CONTENTION = ("o", "o/w")
MEMORY = ("1/m", "1/(m·w)")
THREADS = ("1/d", "1/(d·w)")
CLIFF = ("1/(k·m)", "1/(k·m·w)", "1/(k·m·w²)")
CLIFF_BY_CPU = ("1/k²", "1/(k²·w)", "1/(k²·w²)")
ENERGY = ("c", "T", "k·T", "m·T")
LOAD = ("c·v", "T·v")
STARTUP = ("1", "k", "1/k", "1/w", "w", "w/k")
CPU_TIME = ("1/w", "1", "w", "1/w²", "k·T", "T")


def applicable(own: Sequence[str], fan_in: Sequence[str], rows: Rows) -> tuple[str, ...]:
    """Return the terms that these rows can tell something about.

    Terms of parents get the parent in brackets, as in ``f/w[map]``; memory terms come in where
    memory varies otherwise than with cpu, terms of contention where there was any.
    """
    names = list(own)
    names += [f"{term}[{parent}]" for parent in telling_parents(rows) for term in fan_in]
    if memory_tells(rows):
        names += MEMORY
    if np.any(rows.overload > 0):
        names += CONTENTION
    return tuple(names)


def is_known(name: str) -> bool:
    """Return whether a name, as it may stand in a model file, is that of a term."""
    term, parent = _split_parent(name)
    return term in _TERMS and bool(parent) == ("f" in _TERMS[term])


def with_load(rows: Rows) -> tuple[str, ...]:
    """Return the terms of joules; those of the hosts' load where that is known and varied."""
    names = applicable(ENERGY, (), rows)
    return (*names, *LOAD) if rows.cores is not None and np.ptp(rows.spare) > 0 else names


def cliffs(rows: Rows) -> tuple[str, ...]:
    """Return the terms of computing that runs short of memory; none where memory was one."""
    if memory_tells(rows):
        return CLIFF
    return CLIFF_BY_CPU if len(rows) and np.ptp(rows.memory_mb) > 0 else ()


def design_matrix(names: Sequence[str], rows: Rows) -> FloatArray:
    """Return the value of each term on each row: array (rows, terms), none below 0."""
    columns = np.ones((len(names), len(rows)))
    powers: dict[tuple[str, int, str], FloatArray] = {}
    for column, name in zip(columns, names, strict=True):
        factors, parent = _factors(name)
        for symbol, exponent in factors:
            key = (symbol, exponent, parent if symbol == "f" else "")
            if key not in powers:
                powers[key] = _power(_values(symbol, rows, parent), exponent)
            column *= powers[key]
    return columns.T


@cache
def _factors(name: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """Return symbols with their exponents, and the parent that ``f`` is of."""
    term, parent = _split_parent(name)
    return tuple(_TERMS[term].items()), parent


def _split_parent(name: str) -> tuple[str, str]:
    """Return the bare term and the parent it is of, or ``""``."""
    term, _, rest = name.partition("[")
    return term, rest.removesuffix("]")


def _values(symbol: str, rows: Rows, parent: str) -> FloatArray:
    if symbol == "k":
        return rows.cpu
    if symbol == "w":
        return rows.workers
    if symbol == "s":
        return 1 / np.minimum(rows.cpu, 1.0)
    if symbol == "d":
        return np.minimum(rows.cpu, 2.0)
    if symbol == "f":
        return rows.fan_in[parent]
    if symbol == "o":
        return rows.overload
    if symbol == "v":
        return rows.spare
    if symbol == "m":
        return rows.memory_mb / 1000
    return rows.covariates["duration" if symbol == "T" else "cpu_time"]


def _power(values: FloatArray, exponent: int) -> FloatArray:
    if exponent > 0:
        return values**exponent
    zeros = np.zeros(len(values))
    return np.divide(1.0, values**-exponent, out=zeros, where=values > 0)
