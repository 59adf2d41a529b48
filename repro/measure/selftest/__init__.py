"""What a device is tried with before hours are spent on it: `repro doctor --selftest`."""
