"""The web app: one FastAPI application with the chat page mounted on it, over the same engine as everything else."""
