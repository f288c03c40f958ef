"""What a run claims: the locks of its runbooks, and shares of budgets."""
