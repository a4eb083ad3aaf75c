"""Digits told apart by forests of boosted trees, in the shape of Jolteon's ML workflow.

pca (1 worker) → train boosters (N) → apply them to held-out images (M) → test (1); the transform
of pca goes to all three. The number of boosters is fixed and each is seeded by its number, so that
the models, and the answer, are the same for any number of workers.

Data: scikit-learn's handwritten digits, 1,797 images of 8 × 8 pixels (of the UCI repository,
CC BY 4.0), which come with that package. 450 are held out; the others are shifted by a pixel this
way and that to get a larger training set.

What it is bound by: imports and training. On two cores of a shared host train took 1.0 s of CPU
with one worker, 1.2 with two and 1.9 with four, as each reads all images and imports LightGBM and
SciPy (0.3 s, for which aggregate starts as many processes again); boosters side by side on two
cores of one worker cost no more than one after the other. pca and test are serial and take 0.1 s.

Oracle: the labels agree with the accuracy that is told, which is at least .93 at ``small`` and .96
at ``medium``.
"""

from dags.ml.oracle import check, same
from dags.ml.workflow import answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "answer", "build", "check", "native", "prepare", "same"]

DATA = "scikit-learn's digits: 1,797 images (CC BY 4.0)"
EXTRAS = ("ml",)
