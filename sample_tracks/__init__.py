"""A small invented city with a labelled week, and the seeded generator that made them."""
