"""Is this cluster ready for meshsplit? One module for each part of it that meshsplit stands on."""
