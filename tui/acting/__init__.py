"""What twtop changes, when asked and confirmed: sockets ended, settings set and set back."""
