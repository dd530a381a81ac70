"""What the Gateway API objects mean, without any cloud: pure functions over a Snapshot."""
