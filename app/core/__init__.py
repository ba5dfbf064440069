"""What the desk knows, as plain values and pure functions. No I/O, no asyncio, no Qt, no clock of its own."""
