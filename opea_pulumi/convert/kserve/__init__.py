"""KServe InferenceGraph and InferenceServices."""
