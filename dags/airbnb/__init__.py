"""What guests write of cities: score (N workers) → reduce, a city each → plot (1)."""

from dags.airbnb.oracle import check, same
from dags.airbnb.workflow import SPACE, answer, build, native, prepare

__all__ = ["SPACE", "answer", "build", "check", "native", "prepare", "same"]
