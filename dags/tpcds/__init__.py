"""TPC-DS query 95 in eight stages of scans, shuffles and joins, in the shape of Jolteon's."""

from dags.tpcds.oracle import check, same
from dags.tpcds.workflow import SPACE, answer, build, native, prepare

__all__ = ["SPACE", "answer", "build", "check", "native", "prepare", "same"]
