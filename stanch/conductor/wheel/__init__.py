"""What a person may order at any moment, and what the run hears from outside meanwhile."""
