"""What does a paper print, and what is declared about it?

Table files read, checked and joined with their paper and recipes; printed values as numbers;
which reading of a silent point is chosen.

Imports: ground.
"""
