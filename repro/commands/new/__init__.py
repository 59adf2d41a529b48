"""The verb `new`, and the files that it writes."""
