"""What a file says about itself: hints beside a verdict, never part of the score."""
