"""The append-only log of findings, decisions and what else must not change unnoticed; its proofs and bundles."""
