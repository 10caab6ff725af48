"""How the shipped weights were made. Nothing here runs in the product."""
