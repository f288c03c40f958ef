"""HTTP in: alerts become runs; people's decisions, the runs' state, health and metrics beside them."""
