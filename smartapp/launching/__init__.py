"""Opens a session: SMART App Launch 2.2, from the launch URL to the token and the user."""
