"""HTTP: requests, retries, and event streams. Knows no messages and no framework."""
