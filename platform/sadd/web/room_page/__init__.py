"""The waiting room's page for citizens: Arabic and English, with and without JavaScript."""
