"""Applications as data: a folder each, with its opea.yaml; those named like their ``opea_app`` are known."""
