"""cloudgw: Kubernetes Gateway API objects become managed load balancers, planned before they are applied."""
