"""Bring audio here: transfer, download, unpack, the hub; hashes first, then the final name."""
