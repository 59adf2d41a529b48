"""How does a table look?

A grid of cells from table and ledger, and formats that compute nothing.

Imports: ground, audit, data, plan, records, spec, verdict.
"""
