"""The integration configuration that a connector reads: which addresses of the site need a pass.

It holds no secret. ``QueueDomain`` has our path in it, since connectors put a path behind it as it stands and
older ones know no ``QueuePathPrefix``.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sadd.catalogue.model import Service
from sadd.queueit.connection import Connection

PREFIX = "queueit"
PASS_MINUTES = 1
"""Of a cookie whose minutes were taken out of it: the least there is, so that nobody gains by it."""
DATA_VERSION = "1.0.0.3"
"""Of the document's form, as connectors of today know it."""


def integration_config(
    connection: Connection, rooms: Mapping[str, str], services: Mapping[str, Service]
) -> Any:
    """The document. ``rooms`` is the room's id for each of the connection's services that has one."""
    settings = connection.settings
    served = [(services[id_], rooms[id_]) for id_ in settings.services if id_ in services and id_ in rooms]
    integrations: list[dict[str, Any]] = []
    for service, room in served:
        if settings.ignored:
            integrations.append(_action(connection, service, room, "Ignore", settings.ignored))
        if settings.leaving:
            integrations.append(_action(connection, service, room, "Cancel", settings.leaving))
        integrations.append(_action(connection, service, room, "Queue", ()))
    return {
        "Description": "Sadd",
        "Integrations": integrations,
        "CustomerId": settings.customer,
        "AccountId": settings.customer,
        "Version": connection.version,
        "ConfigDataVersion": DATA_VERSION,
    }


def _action(
    connection: Connection, service: Service, room: str, action: str, paths: tuple[str, ...]
) -> dict[str, Any]:
    settings = connection.settings
    parts = [_part("HostName", "Equals", urlsplit(service.origin).netloc)]
    if paths:
        parts.append({**_part("PagePath", "EqualsAny", None), "ValuesToCompare": list(paths)})
    return {
        "Name": f"{service.id}-{action.lower()}",
        "ActionType": action,
        "EventId": connection.event_of(room),
        "CookieDomain": "",
        "IsCookieHttpOnly": True,
        "IsCookieSecure": True,
        "LayoutName": None,
        "Culture": "",
        "ExtendCookieValidity": settings.cookie == "site",
        "CookieValidityMinute": settings.cookie_minutes if settings.cookie == "site" else PASS_MINUTES,
        "QueueDomain": f"{settings.domain}/{PREFIX}",
        "QueuePathPrefix": "",
        "RedirectLogic": "AllowTParameter",
        "ForcedTargetUrl": "",
        "Triggers": [{"TriggerParts": parts, "LogicalOperator": "And"}],
    }


def _part(of: str, operator: str, value: str | None) -> dict[str, Any]:
    return {
        "ValidatorType": "UrlValidator",
        "UrlPart": of,
        "Operator": operator,
        "ValueToCompare": value,
        "ValuesToCompare": None,
        "IsNegative": False,
        "IsIgnoreCase": of == "HostName",
    }
