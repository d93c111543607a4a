"""Hold a crowd at the door in fair order."""
