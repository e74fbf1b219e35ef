"""The request path of the emulated API, from the route to the journal entry; `pipeline` shows it on one page.

The views are in `api`, one module per resource. They import from here; nothing here imports them.
"""
