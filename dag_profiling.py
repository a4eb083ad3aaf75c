"""Profile workflows, then train on what was measured.

``python dag_profiling.py`` works on the shipped ``ml``, ``video`` and ``pi`` at their small size,
in less than five minutes on two cores; ``--help`` tells the rest. The same, step by step:
``flexecutor-energy profile`` and ``train``.
"""

from flexecutor_energy.cli import dag_profiling

if __name__ == "__main__":
    dag_profiling()
