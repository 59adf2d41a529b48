"""Letters, numbers and columns of LaTeX."""
