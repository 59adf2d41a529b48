"""Which runs does a table need, what is missing, and what will they cost?

A request, its resolved runs with their ids, the gaps before them, the cost of what is left.

Imports: ground, data, records, spec, stats, weights.
"""
