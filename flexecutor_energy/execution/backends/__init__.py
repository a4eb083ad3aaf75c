"""Where invocations run: Lithops (its localhost, a cluster, a cloud) or warm local processes."""
