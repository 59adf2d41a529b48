"""Which clips are there, how are they divided, and what do they sound like?

Cards and lists of datasets, registered folders, protocols and guards, decoding, and the store of
waveforms that training reads. `datasets/` has one file a dataset, `fetching/` brings audio here.

Imports: ground.
"""
