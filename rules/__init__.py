"""What is permitted, and the engine that judges fixes by it."""
