"""What `tools grade` is made of: the sandbox, what runs inside, the examination, and the pages."""
