"""plain Kubernetes manifests."""
