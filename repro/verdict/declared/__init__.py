"""What a table declared before its runs, and what was tried besides."""
