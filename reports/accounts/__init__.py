"""Who may sign in: users, passwords, second factors and sessions, kept in the store."""
