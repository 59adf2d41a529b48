"""What can be typed?

One verb a file, or a folder with a `command.py`; `shared/` holds what several verbs use. click and
rich live here, and heavy imports stand inside functions.

Imports: ground, audit, data, engines, measure, plan, records, render, spec, stats, train, upkeep,
verdict, weights.
"""
