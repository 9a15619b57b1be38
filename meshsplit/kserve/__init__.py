"""Kubernetes objects in, a World out: what the user's InferenceServices ask for."""
