"""What the single test clips of runs say."""
