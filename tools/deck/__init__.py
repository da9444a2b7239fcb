"""What `tools slides` is made of: from a notebook's cells to slides that fit."""
