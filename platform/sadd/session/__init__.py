"""Sessions that outlive any server, and end when they must."""
