"""The schema of meshsplit's own documents: the ModelSplit and the settings file."""
