"""The verb `predict`."""
