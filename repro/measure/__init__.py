"""How large and how fast are the networks?

Parameters and operations counted, inference and training timed, with the limit of a device.

Imports: ground, data, frontends, models, records, spec, train, verdict.
"""
