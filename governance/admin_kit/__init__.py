"""What every admin of rows that a workspace owns is built from."""
