"""opea-pulumi: deploy OPEA applications from one YAML, or from Python, with Pulumi."""
