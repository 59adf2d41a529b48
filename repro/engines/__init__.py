"""Where are runs executed?

Worker processes on this machine, one or more a device, or jobs of Slurm.

Imports: ground, plan, records, train.
"""
