"""What the gateway's endpoints answer: each reads a request, has the pseudo-model generate, and shapes the reply."""
