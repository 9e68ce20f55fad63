"""The patrol plan: where, when and with whom the joint inspections of a week stand, and what they then yielded."""
