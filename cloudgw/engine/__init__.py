"""Execution: commits the changes that wait for nothing, retries by failure class, reports."""
