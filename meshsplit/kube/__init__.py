"""The way to a Kubernetes API and back: transport, caches, queue, election. No group in here."""
