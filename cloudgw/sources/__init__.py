"""Where Snapshots come from."""
