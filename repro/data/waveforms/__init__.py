"""What clips sound like, as digests: of one clip, of a run's clips, of those that are here."""
