"""Every agency, service and app that stands behind the platform."""
