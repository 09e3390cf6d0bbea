"""The main job from end to end: till, server, push service and phones."""
