"""Review pages and credit API: what officers, companies and other systems see of a store over HTTP."""
