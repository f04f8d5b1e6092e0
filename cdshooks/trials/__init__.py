"""What is computed and recorded but not, or not to everybody, shown."""
