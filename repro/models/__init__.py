"""What is the network of a paper?

One file a model, named by its id; the folder is the registry.

Imports: nothing.
"""
