"""The store and everything that is read out of it: weekly report, scores, exports."""
