"""Running a workflow: driver-side engine, worker-side supervision, and the backends between."""
