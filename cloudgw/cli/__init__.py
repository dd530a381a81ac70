"""The command line: one module per command, every import that costs time inside the command that needs it."""
