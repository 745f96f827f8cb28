"""Exercises for a class: student editions, and grading with nbgrader.

It needs more than the chapters do: `pip install '.[classroom]'` in the book's folder.
"""
