from .submission import submit as submit
