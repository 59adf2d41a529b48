"""Choices side by side (protocols, readings), in every format."""
