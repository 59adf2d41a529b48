"""What may be concluded from the runs of a cell?

Reduction to a value, evidence, margin, word, claims, statement; what more runs would tell.

Imports: ground, data, plan, records, spec, stats.
"""
