"""The workflows that ship with the project, one package each.

Every package gives ``build``, ``prepare``, ``answer``, ``native``, ``same`` and ``check``:
the workflow, the upload of its inputs, its answer, the same answer from one process without the
engine, and the oracle that a wrong answer fails. The modules beside the packages hold what the
packages share.
"""
