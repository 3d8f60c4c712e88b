"""What the evidence of a policy key says: one finding for each field and segment."""
