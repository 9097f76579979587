"""The page: the program in a browser, on this machine or for a few people around it.

Contents
    serve        until it is interrupted                            serve
    build        the page itself, as gradio's Blocks                app
    Desk         does one run at a time, and can stop it            runs
    Shelf        names for results                                  shelf
    video, stills, poses, maps, enlarge, judge                      a tab each

Needs gradio: the extra `page`.
"""

from __future__ import annotations
