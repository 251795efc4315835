"""Which of its flows a megaservice image runs, and what selects it."""

from __future__ import annotations

from opea_pulumi.catalog import Environment, MegaserviceRow

from ._plan import Plan, blueprint_error


def flow_types(plan: Plan) -> tuple[str, ...]:
    """The types of the flow's services, in its order."""
    return tuple(plan.services[name].type for name in plan.flow_services)


def variant_environment(plan: Plan, row: MegaserviceRow) -> Environment:
    """The environment that makes the image run the application's flow, and call what is elsewhere.

    Raises:
        BlueprintError: the image runs other flows only.
    """
    types = flow_types(plan)
    for variant in row.variants:
        if variant.types == types and plan.application.mega.flow.is_sequence:
            remote: Environment = {}
            for kind in types:
                name = plan.first_of(kind)
                if name is not None and plan.services[name].url:
                    remote |= row.remote.get(kind, {})
            return {**variant.environment, **remote}
    known = "; ".join(" >> ".join(variant.types) for variant in row.variants)
    message = f"OPEA's {plan.application.name} image does not run this flow"
    hint = f"it runs {known}; or take orchestrator: router"
    raise blueprint_error("megaservice-flow", message, "opea_mega_service.mega_flow", hint)
