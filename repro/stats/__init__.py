"""What do plain numbers say?

Summaries, ranks, tests, intervals and metrics: pure functions that know nothing of papers or runs.

Imports: nothing.
"""
