"""What is changed about a clip on its way into training?

Masks, noises, filters and mixing, every choice drawn from a key.

Imports: ground, frontends.
"""
