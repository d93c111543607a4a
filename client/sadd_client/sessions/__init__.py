"""Sessions: who is signed in, known by the platform."""
