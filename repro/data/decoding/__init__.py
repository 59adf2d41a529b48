"""From a file of any kind to samples: what audio is called, whether it is whole, its rate."""
