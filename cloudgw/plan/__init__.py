"""The plan a person reads and approves: made of diff's changes, checked, rendered. Pure."""
