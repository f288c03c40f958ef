"""A step's life: its turn comes, it acts, what is inside of it runs, it ends, and perhaps once more."""
