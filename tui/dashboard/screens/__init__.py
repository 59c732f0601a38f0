"""The screens: dashboard, pattern, help."""
