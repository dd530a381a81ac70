// The Gateway API whose CRDs the tests install: they are read out of the module cache and never committed.
// To change the version: edit it, then `go mod download sigs.k8s.io/gateway-api`. No `go mod tidy`: nothing imports it.
module cloudgw.local/crds

go 1.26.0

require sigs.k8s.io/gateway-api v1.6.3
