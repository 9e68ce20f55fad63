"""An invented city, its muck trucks and their labelled weeks: the data, and the seeded generator that made them."""
