"""What a call and a chunk cost here, over raw httpx plus the framework's own floor, beside the peers. `make bench`."""
