"""Keeps a cluster's groups routed: gather → understand → decide → express → apply → report."""
