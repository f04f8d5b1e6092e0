"""What a user of the page can do with it: answer, hold cards back, copy, order, write, close."""
