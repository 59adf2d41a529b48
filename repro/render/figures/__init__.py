"""Figures of tables, drawn with matplotlib; nothing else of the room imports it."""
