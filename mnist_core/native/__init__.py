"""A trainer in C++ for narrow networks, compiled on first use."""
