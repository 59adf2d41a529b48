"""The verb `plan`, and its parts."""
