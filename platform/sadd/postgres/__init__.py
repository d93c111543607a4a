"""The durable store: a pool, migrations, and a feed of notifications."""
