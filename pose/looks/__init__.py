"""The ways to draw a skeleton, one module each; `pose.draw` is the door."""
