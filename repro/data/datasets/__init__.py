"""One file a dataset, named by its id, with its CARD; the folder is the registry."""
