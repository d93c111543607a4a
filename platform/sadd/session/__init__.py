"""Keep a person signed in, whatever server dies, and signed out everywhere when it must be."""
