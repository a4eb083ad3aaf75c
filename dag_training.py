"""Train the predictors of workflows on what was profiled before.

``python dag_training.py`` works on the shipped ``ml``, ``video`` and ``pi``; ``--help`` tells the
rest. The same, for one workflow: ``flexecutor-energy train``.
"""

from flexecutor_energy.cli import dag_training

if __name__ == "__main__":
    dag_training()
