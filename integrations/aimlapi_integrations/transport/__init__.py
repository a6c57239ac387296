"""JSON <-> bytes: sends, retries and streams. Knows no conversation and no framework."""
