"""What other systems get: tokens to ask with, events of points that are only appended, deliveries to their door."""
