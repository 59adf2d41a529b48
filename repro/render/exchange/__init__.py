"""Cells in the formats of others: what a paper prints as documentation, what we have as runs."""
