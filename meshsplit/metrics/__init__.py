"""Where counters come from: a Prometheus, or exposition text read at its origin."""
