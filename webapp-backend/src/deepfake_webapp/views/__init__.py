"""One blueprint a concern: what a person or a program can ask for."""
