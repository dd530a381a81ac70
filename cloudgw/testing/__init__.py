"""Shipped test tools: contract laws and two in-memory clouds, for our providers and for third parties'."""
