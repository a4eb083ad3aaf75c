"""Joules of plain Lithops: a meter around any ``lithops.FunctionExecutor``.

Apart from the engine and its backends, and without importing Lithops. What runs in a worker
travels there by value (``shipped``); what knows Lithops on the driver's side is ``tap``; how
joules are shared out is a pure function of what was counted (``sharing``).
"""
