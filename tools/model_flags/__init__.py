"""The common code of programs that use a model: flags, and loading it."""
