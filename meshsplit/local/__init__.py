"""One machine's stand-in for a cluster: rendered objects, a real Envoy, and models behind it."""
