"""Bridges between unions and the world outside: host directories and other libraries."""
