"""What guests write of cities: score (N workers) → reduce (a city each) → plot (1).

Modelled on workflows that score the reviews of lodgings, city by city. No package brings such
reviews, so other texts, real and rated by people, stand in for them, and each of their three
sources for a city: ``amazon`` is reviews of goods, ``movie`` of films, ``nyt`` sentences of
editorials. Each worker of score takes neighbouring pieces of the input, which hold more than one
city, gives every text the score of VADER, a lexicon with rules, and puts the scores in the order
of cities; reduce gets all scores of its cities; plot draws their histograms. Scores and ratings
are whole ten-thousandths, so that their sums, and all that is told of a city, are the same for any
number of workers.

Data: 3,708, 10,605 and 5,190 sentences, each rated by about twenty people from −4 to 4, from the
source archive of ``vaderSentiment==0.5`` (C. J. Hutto and E. Gilbert, ICWSM 2014; MIT licence).
pip fetches it by name when inputs are prepared, its SHA-256 is compared, and it is not passed on
with this project. The size ``small`` has every text three times: nothing is remembered from one
copy to the next. The analyser is ``vaderSentiment`` 3.3 (MIT; extra ``nlp``), the picture is
matplotlib's (extra ``reports``).

What it is bound by: the processor, and evenly so. On two cores of a shared host score took 4.8 s
of CPU with one worker and 4.7 to 4.9 with two, three or four, so that two workers halve its time
at the same energy for computing; it reads 7.4 MB and writes 0.5. It runs on one core however many
a worker has, in 20 MB. plot takes 0.8 s of CPU, nearly all of it to import matplotlib; reduce
takes 0.1, and three workers for the three cities take twice that.

Oracle: each count is that of every text scored once, times the copies; and the scores go with what
people said: correlations of 0.59, 0.43 and 0.50, of which 0.55, 0.40 and 0.45 are asked.
"""

from dags.airbnb.oracle import check, same
from dags.airbnb.workflow import SPACE, answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "SPACE", "answer", "build", "check", "native", "prepare", "same"]

DATA = "19,503 texts that people rated (MIT), fetched on first use"
EXTRAS = ("nlp", "reports")
