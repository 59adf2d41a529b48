"""Could a number have been printed at all?

Arithmetic on printed cells: granularity, sizes, spreads, sums, claims. One file a rule in `rules/`.

Imports: ground, records, spec, stats, verdict.
"""
