"""GMConnector custom resources."""
