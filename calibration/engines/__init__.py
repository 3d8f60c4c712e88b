"""Evidence where it lies: decisions in a warehouse, counted there by one statement, of which only counts come back."""
