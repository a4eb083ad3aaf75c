"""Whether people liked something, told from what they wrote by models of its words.

count (N workers) → merge (N/4) → vocabulary (1) → weigh (N) → fit (N) → select (1). Words and
pairs of words are counted, counts are merged in a tree, each text becomes its TF-IDF, logistic
regressions of several strengths are fitted, and the one that tells most texts of a validation
part right is asked about a test part. Counts are whole numbers and all other sums are taken in
one order, so that the answer is the same for any number of workers and threads.
"""

from dags.nlp.oracle import check, same
from dags.nlp.workflow import SPACE, answer, build, native, prepare

__all__ = ["SPACE", "answer", "build", "check", "native", "prepare", "same"]
