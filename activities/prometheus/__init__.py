"""The action `prometheus`: `action` asks, `ranges` is what a question about a span of time asks and gets."""
