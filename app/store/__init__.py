"""What must survive a crash: order journal, fills, watermarks, tracked pairs, in SQLite. No network, no Qt, no keys."""
