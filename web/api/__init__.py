"""What other systems call: the credit API under /api/v1, with tokens instead of sessions."""
