"""The rules of the audit: each asks one question of a paper's printed cells."""
