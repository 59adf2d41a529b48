"""What is done with records later?

Merging ledgers, training a run again, stale records, tidying, where two runs part.

Imports: ground, data, measure, plan, records, spec.
"""
