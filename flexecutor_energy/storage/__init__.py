"""Access to objects: where they are, how they move, and the server that comes along.

Import from the modules themselves: workers load ``location``, ``store`` and ``transfers`` alone.
"""
