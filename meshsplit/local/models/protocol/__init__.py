"""The Open Inference Protocol over gRPC: our schema and the Python that `scripts/make_protocol` makes of it."""
