"""Decision rules to play side by side: ours, and others as their documentation and source have them."""
