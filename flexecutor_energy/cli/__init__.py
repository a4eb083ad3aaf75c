"""The command line ``flexecutor-energy``."""

from flexecutor_energy.cli.app import app, main
from flexecutor_energy.cli.scripts import dag_profiling, dag_training

__all__ = ["app", "dag_profiling", "dag_training", "main"]
