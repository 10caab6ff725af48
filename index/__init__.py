"""Everything that works without answering anything: articles, passages, claims, and finding them again."""
