"""The stream: the worker that joins Kafka's fixes and the rule engine, and the state that it keeps in Kafka."""
