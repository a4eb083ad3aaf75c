"""Profile workflows, then train on what was measured.

``python dag_profiling.py`` works on the shipped ``ml`` and ``pi`` at their small size;
``--help`` tells the rest. The same, step by step: ``flexecutor-energy profile`` and ``train``.
"""

from flexecutor_energy.cli import dag_profiling

if __name__ == "__main__":
    dag_profiling()
