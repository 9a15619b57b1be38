"""What the controller tells of itself: logs, metrics, and whether it is well."""
