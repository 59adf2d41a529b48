"""The verb `doctor`, and its parts."""
