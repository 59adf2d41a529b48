"""The rules of the audit: each file asks one question of a paper's printed cells."""
