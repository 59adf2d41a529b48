"""What words can become, read from the sources of the verbs."""
