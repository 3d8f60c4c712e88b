"""What a run is made of: what it reads, its signs of life, the queue of those that wait, its report."""
