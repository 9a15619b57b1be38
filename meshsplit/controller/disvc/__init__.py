"""The controller of DistributedInferenceServices: what they ask for is written, and kept."""
