"""The verb `runs`, and its parts."""
