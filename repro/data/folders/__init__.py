"""What lies in a folder: which files are audio, and which clips; what is amiss, what is noted."""
