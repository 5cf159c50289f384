"""References: objects of stores, web servers and disks that a version names and does not keep.

Only `stores` imports `obstore`, and only when a store is opened: it comes with `pip install wanllmdb[references]`.
"""
