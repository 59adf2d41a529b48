"""Networks that are built without being trained, in a process of their own, for a plan."""
