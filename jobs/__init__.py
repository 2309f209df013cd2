"""What happens away from the browser."""
