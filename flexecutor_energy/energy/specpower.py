"""What the power of servers is like between idle and full load: published results, in four points.

SPECpower_ssj2008 results published since 2017 (n = 212): 10th, 50th and 90th percentile of wall
power over the processors' TDP, at 0, 10, 50 and 100 % load.
"""

LOADS = (0.0, 0.1, 0.5, 1.0)
P10 = (0.12, 0.26, 0.42, 0.81)
MEDIAN = (0.19, 0.34, 0.56, 1.05)
P90 = (0.33, 0.51, 0.76, 1.21)

RISE = tuple((watts - MEDIAN[0]) / (MEDIAN[-1] - MEDIAN[0]) for watts in MEDIAN)
"""Share of the way from idle to full power that the median is at each load: 0, .17, .43, 1."""
