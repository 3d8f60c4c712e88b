"""Which question a decision model answered: what tells it from every other one, and since when it is asked."""
