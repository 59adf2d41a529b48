"""Which published weights are on this machine, and do they fit a network?

Where they are published, where they lie here, and how their file is read.

Imports: ground, data.
"""
