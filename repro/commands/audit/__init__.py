"""The verb `audit`, and its parts."""
