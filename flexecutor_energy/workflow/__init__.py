"""What a workflow is: stages, their data, their configurations. Pure description, no I/O."""
