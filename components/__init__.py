"""Pulumi components, a folder a target; a target's folder needs that target's extra."""
