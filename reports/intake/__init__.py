"""What workers and terminals say, from Kafka into the store: findings with their offsets, the archive of fixes."""
