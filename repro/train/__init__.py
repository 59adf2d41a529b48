"""How does one run become a record?

Deterministic training: batches, loop, loss, checkpoints, from the job of a worker to its record.

Imports: ground, augment, data, frontends, records, stats, weights.
"""
