"""Cases: what people decided about violations, as events; the tables, the one way to decide, and what pages read."""
