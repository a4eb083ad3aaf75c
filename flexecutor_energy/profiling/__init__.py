"""Measuring stages over a space of configurations."""
