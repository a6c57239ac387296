"""LlamaIndex messages <-> the neutral types."""
