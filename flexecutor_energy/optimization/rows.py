"""Rows of a sparse matrix as they are collected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from flexecutor_energy.optimization.problem import FloatArray, IntArray


@dataclass(slots=True)
class Rows:
    """Linear constraints on numbered variables, without their sense.

    Attributes
    ----------
    row, column, value : the entries, in pieces
    right : the right-hand side of each row
    """

    row: list[IntArray] = field(default_factory=list)
    column: list[IntArray] = field(default_factory=list)
    value: list[FloatArray] = field(default_factory=list)
    right: list[float] = field(default_factory=list)

    def add(self, columns: Sequence[IntArray], values: Sequence[FloatArray], right: float) -> None:
        """Append the row ``Σ value · column`` with its right-hand side."""
        for column, value in zip(columns, values, strict=True):
            self.row.append(np.full(len(column), len(self.right)))
            self.column.append(column)
            self.value.append(value)
        self.right.append(right)

    def matrix(self, width: int) -> csr_array[Any]:
        """Return the rows as a sparse matrix."""
        if not self.right:
            return csr_array((0, width))
        entries = (
            np.concatenate(self.value),
            (np.concatenate(self.row), np.concatenate(self.column)),
        )
        return csr_array(coo_array(entries, shape=(len(self.right), width)))
