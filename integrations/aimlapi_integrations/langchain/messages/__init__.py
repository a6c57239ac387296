"""LangChain messages <-> the neutral types."""
