"""Digits told apart by forests of boosted trees, in the shape of Jolteon's ML workflow.

pca (1 worker) → train boosters (N) → apply them to held-out images (M) → test (1); the transform
of pca goes to all three. The images are scikit-learn's handwritten digits, shifted by a pixel to
get a larger training set. The number of boosters is fixed and each is seeded by its number, so
that the models, and the answer, are the same for any number of workers.
"""

from dags.ml.oracle import check, same
from dags.ml.workflow import answer, build, native, prepare

__all__ = ["answer", "build", "check", "native", "prepare", "same"]
