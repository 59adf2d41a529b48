"""What has a run left, and who is writing now?

The ledger of records, the locks of running trainings, and their progress.

Imports: ground, stats.
"""
