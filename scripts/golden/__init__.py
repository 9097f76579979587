"""What check_golden.py is made of.

Contents
    Row, Limit              one compared quantity and its tolerance     report
    rebuild                 weights by the fixtures' recipe             recipe
    modules, pipelines      encoder, injection and sampling cases       modules, pipelines
    names                   state dict names                            names
    latency                 floating-point operations at the real sizes latency
    poses                   drawing and alignment cases                 poses
"""
