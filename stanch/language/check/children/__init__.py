"""Rules about runbooks that call each other: each sees a whole library, and no expression yet."""
