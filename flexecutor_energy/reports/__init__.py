"""What a plan, its profiles, predictors and runs look like: pictures, pages and files."""

from flexecutor_energy.reports.writing import write_report

__all__ = ["write_report"]
