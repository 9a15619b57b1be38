"""Which split a group is given next: pure decisions, with the current split passed in."""
