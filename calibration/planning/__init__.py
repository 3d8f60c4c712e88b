"""Which labels to buy: a question with costs, a plan with its chances, and both in words."""
