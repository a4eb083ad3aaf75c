"""Counting words: map (N workers) → reduce (1), over text files that are cut between lines.

The text is drawn from a short list of words with frequencies that fall off as in natural
language, so that it needs no download and its counts can be computed again for the oracle.
"""

from dags.wordcount.oracle import check, same
from dags.wordcount.workflow import answer, build, native, prepare

__all__ = ["answer", "build", "check", "native", "prepare", "same"]
