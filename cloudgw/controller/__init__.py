"""The operator: a GatewayClass becomes a load balancer. `cloudgw controller` alone imports it."""
