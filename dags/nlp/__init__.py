"""Whether people liked something, told from what they wrote by models of its words.

count (N workers) → merge (N/4) → vocabulary (1) → weigh (N) → fit (N) → select (1). Words and
pairs of words are counted, counts are merged in a tree, each text becomes its TF-IDF, logistic
regressions of several strengths are fitted, and the one that tells most texts of a validation
part right is asked about a test part. Counts are whole numbers and all other sums are taken in
one order, so that the answer is the same for any number of workers and threads.

The question is an honest one for such texts: models learn from sentences whose mean rating is
half a step or more from nought, and are asked about those of other documents that people rated
clearly, two steps of four or more, whether they liked something. Of 1,094 the chosen model tells
88 of 100 right, where saying the same of all gets 55.

What it is bound by: the processor, at size ``small`` for 8 s in one worker each: ``count`` 1.6 s
of Python (four workers spend a quarter more, as each writes most of the frequent terms); ``merge``
1.3 s and ``vocabulary`` 0.6 s, mostly reading and writing 4 MB of JSON, so that one worker is best
for few counts; ``weigh`` 0.9 s; ``fit`` 3.3 s of sparse products, shared evenly by workers, of
which each reads all rows; ``select`` 0.3 s. All stay below 120 MB.

Data: 19,503 sentences of customer reviews, film reviews and editorials, each rated by about
twenty people (C. J. Hutto and E. Gilbert, ICWSM 2014). They lie in the source archive of
``vaderSentiment`` 0.5 (MIT licence), which ``prepare`` has pip fetch into the workspace, once,
compared with its checksum; no extra is needed. Copies that lack a fifth of their words
(``copies``), more candidates (``strengths``) and more steps (``rounds``) make the work a hundred
times larger.

Oracle: words are counted again with ``collections.Counter``, weights equal scikit-learn's to
1e-12, the models are fitted again, and at least 85 of 100 texts are told right.
"""

from dags.nlp.oracle import check, same
from dags.nlp.workflow import SPACE, answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "SPACE", "answer", "build", "check", "native", "prepare", "same"]

DATA = "19,503 texts that people rated (MIT), fetched on first use"
EXTRAS: tuple[str, ...] = ()
