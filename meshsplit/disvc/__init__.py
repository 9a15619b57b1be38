"""One model as several InferenceServices behind one name: what a DistributedInferenceService asks for."""
