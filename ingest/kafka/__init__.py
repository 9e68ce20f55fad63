"""Everything that touches the Kafka client: connections with safe settings, topics, records of fixes, publishing."""
