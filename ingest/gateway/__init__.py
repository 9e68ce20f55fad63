"""The gateway: JT/T 808 terminals over TCP into Kafka; what is acknowledged is kept, whatever breaks."""
