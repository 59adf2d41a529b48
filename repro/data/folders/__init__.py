"""What lies in a folder: which files are audio, which of them is which clip, what is amiss or noted."""
