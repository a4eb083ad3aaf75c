"""Counting words: map (N workers) → reduce (1), over text files that are cut between lines.

The text is drawn from a short list of words with frequencies that fall off as in natural
language, so that it needs no download and its counts can be computed again for the oracle. A
worker gets a range of bytes of the text that ends where a line does, and writes what it counted;
reduce adds up.

Data: 19 MB of text, drawn when inputs are prepared; words of everyday English and some with
letters beyond ASCII.

What it is bound by: the processor, with reading behind it. On two cores of a shared host map took
1.7 s of CPU for 19 MB with one worker and 1.8 with four, in 30 to 50 MB of memory; what it writes
is a few kilobytes, so that reduce takes 0.01 s.

Oracle: every count is that of ``collections.Counter`` over the whole text.
"""

from dags.wordcount.oracle import check, same
from dags.wordcount.workflow import answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "answer", "build", "check", "native", "prepare", "same"]

DATA = "made: text drawn from a list of words"
EXTRAS: tuple[str, ...] = ()
