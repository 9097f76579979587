"""The parts of bench_pose_accuracy.py: clips with known joints, and what is measured on them."""
