"""Colours that people with any colour vision can tell apart, and that print well in grey.

Okabe and Ito, "Color Universal Design", 2008.
"""

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
BLACK = "#000000"

SERIES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)
"""Of lines beside each other; markers differ as well, so that colour never stands alone."""

INK = "#1f2328"
QUIET = "#6b7280"
FAINT = "#d0d5dc"
PAPER = "#ffffff"
