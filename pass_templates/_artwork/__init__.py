"""Draws the artwork of the shipped pass templates: `python -m pass_templates._artwork`.

Every picture is made of geometry in points, drawn large and scaled down, so that it is smooth at each scale and comes
out the same on every run. A folder whose name starts with an underscore is no template.
"""
