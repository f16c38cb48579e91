"""How results and progress look: numbers, tables, a bar."""
