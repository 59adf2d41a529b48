"""What several verbs share: options, output, progress, and the making of a table."""
