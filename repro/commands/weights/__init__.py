"""The verb `data`, and its parts."""
